using Ardir.Core;

namespace Ardir.Tests.Core.Models;

public sealed class ArchitectureOptionsTests
{
    private static readonly ChannelStatistics _grey = new() { Mean = [0.5], Std = [0.5] };

    public static TheoryData<string, Action> Mistakes => new()
    {
        { "Depth", () => WideResNet.Create(depth: 27) }, { "Depth", () => WideResNet.Create(depth: 4) }, { "Depth", () => WideResNet.Create(depth: -2) },
        { "Widen", () => WideResNet.Create(widen: 0) }, { "Classes", () => WideResNet.Create(classes: 0) }, { "InputChannels", () => WideResNet.Create(inputChannels: -1) },
        { "Dropout", () => WideResNet.Create(new WideResNetOptions { Dropout = 1 }) }, { "Dropout", () => WideResNet.Create(new WideResNetOptions { Dropout = double.NaN }) },
        { "Widths", () => ResNet.Create(new ResNetOptions { Widths = [] }) }, { "Widths", () => ResNet.Create(new ResNetOptions { Widths = null! }) },
        { "Blocks", () => ResNet.Create(new ResNetOptions { Blocks = [1, 2, 3] }) }, { "Blocks", () => ResNet.Create(new ResNetOptions { Blocks = [2, 2, 0, 2] }) },
        { "Classes", () => ResNet.Create18(classes: -5) }, { "classes", () => MobileNetV2.Create(classes: 0) }, { "inputChannels", () => MobileNetV2.Create(inputChannels: 0) },
        { "Variant", () => PreActResNet.Create18(variant: (PreActResNetVariant)9) },
        { "Activation", () => DeepMindWideResNet.Create(new DeepMindWideResNetOptions { Activation = (ModelActivation)2 }) },
        { "Activation", () => DeepMindPreActResNet.Create(new DeepMindPreActResNetOptions { Activation = (ModelActivation)(-1) }) },
        { "Normalization", () => DeepMindWideResNet.Create(new DeepMindWideResNetOptions { InputChannels = 1 }) },
        { "Normalization", () => DeepMindPreActResNet.Create(new DeepMindPreActResNetOptions { InputChannels = 1, Normalization = _grey with { Std = [0] } }) },
        { "Depth", () => DeepMindWideResNet.Create(new DeepMindWideResNetOptions { Depth = 30 }) },
        { "Widths", () => DeepMindPreActResNet.Create(new DeepMindPreActResNetOptions { Widths = [] }) },
        { "Height", () => SmallCnn.Create(new SmallCnnOptions { Height = 3 }) }, { "Width", () => SmallCnn.Create(new SmallCnnOptions { Width = 0 }) },
        { "Hidden", () => SmallCnn.Create(new SmallCnnOptions { Hidden = 0 }) }, { "FirstWidth", () => SmallCnn.Create(new SmallCnnOptions { FirstWidth = 0 }) },
        { "SecondWidth", () => SmallCnn.Create(new SmallCnnOptions { SecondWidth = 0 }) }, { "Classes", () => SmallCnn.Create(new SmallCnnOptions { Classes = 0 }) },
    };

    [Theory, MemberData(nameof(Mistakes))]
    public void Create_BadOption_NamesIt(string name, Action create) => create.Should().Throw<ArgumentException>().WithParameterName(name).WithMessage($"*{name}*");

    [Fact]
    public void Forward_BadInput_IsRefusedBeforeTheNativeLibrarySeesIt()
    {
        using var scope = NewDisposeScope();
        var table = new (nn.Module<Tensor, Tensor> Model, Tensor Input, string Message)[]
        {
            (ResNet.Create(new ResNetOptions { Widths = [4], Blocks = [1] }), zeros(1, 1, 8, 8), "*[1,1,8,8]*[N,3,H,W]*"),
            (WideResNet.Create(10, 1), zeros(3, 8, 8), "*[3,8,8]*[N,3,H,W]*"),
            (WideResNet.Create(10, 1), zeros([1, 3, 8, 8], ScalarType.Byte), "*Byte*float32*255*"),
            (WideResNet.Create(10, 1), zeros(1, 3, 0, 8), "*at least 1x1*"),
            (MobileNetV2.Create(inputChannels: 1), zeros(1, 3, 8, 8), "*[N,1,H,W]*"),
            (DeepMindWideResNet.Create(new DeepMindWideResNetOptions { Depth = 10, Widen = 1 }), zeros(1, 3, 2, 8), "*at least 4x4*"),
            (DeepMindWideResNet.Create(new DeepMindWideResNetOptions { Depth = 10, Widen = 1 }), zeros(1, 3, 8, 30), "*multiples of 4*"),
            (DeepMindPreActResNet.Create(new DeepMindPreActResNetOptions { Widths = [4, 4, 4, 4] }), zeros(1, 3, 8, 7), "*at least 8x8*"),
            (SmallCnn.Create(), zeros(1, 1, 32, 32), "*[N,1,28,28]*"),
        };
        foreach (var (model, input, message) in table)
        {
            var call = () => model.call(input);
            call.Should().Throw<ArgumentException>().WithParameterName("input").WithMessage(message);
            model.Dispose();
        }
    }

    [Theory]
    [InlineData(1), InlineData(2), InlineData(5)]
    public void Forward_TinyImages_AreFineWherePublishedCodeWouldPoolTooMuch(int size)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        foreach (nn.Module<Tensor, Tensor> model in new nn.Module<Tensor, Tensor>[] { ResNet.Create(new ResNetOptions { Widths = [4, 8], Blocks = [1, 1] }), WideResNet.Create(10, 1), MobileNetV2.Create() })
        {
            model.eval();
            model.call(zeros(1, 3, size, size)).shape.Should().Equal(1, 10);
            model.Dispose();
        }
    }

    [Fact]
    public void Create_SameSeed_SameWeightsEverywhereAndUntouchedGlobalGenerator()
    {
        using var scope = NewDisposeScope();
        Func<ulong, nn.Module>[] makers =
        [
            seed => WideResNet.Create(10, 1, seed: seed), seed => ResNet.Create(new ResNetOptions { Widths = [4, 8], Blocks = [1, 1], Seed = seed }),
            seed => MobileNetV2.Create(seed: seed), seed => SmallCnn.Create(new SmallCnnOptions { Seed = seed }),
            seed => DeepMindWideResNet.Create(new DeepMindWideResNetOptions { Depth = 10, Widen = 1, Seed = seed }),
            seed => DeepMindPreActResNet.Create(new DeepMindPreActResNetOptions { Widths = [4, 8], Blocks = [1, 1], Seed = seed }),
        ];
        foreach (var make in makers)
        {
            var before = random.get_rng_state().data<byte>().ToArray();
            using var first = make(1);
            using var again = make(1);
            using var other = make(2);
            random.get_rng_state().data<byte>().ToArray().Should().Equal(before);
            Fingerprint.Of((IModule)first).Should().Be(Fingerprint.Of((IModule)again)).And.NotBe(Fingerprint.Of((IModule)other));
        }
    }

    [Theory]
    [InlineData(true), InlineData(false)]
    public void WideResNet_Initialisation_IsKaimingByFanOutWithZeroBias(bool seeded)
    {
        using var scope = NewDisposeScope();
        using var model = WideResNet.Create(10, 4, seed: seeded ? 3 : null);
        var state = model.state_dict();
        foreach (var (name, fanOut) in new[] { ("block3.layer.0.conv2.weight", 9 * 256.0), ("block2.layer.0.conv1.weight", 9 * 128), ("block3.layer.0.convShortcut.weight", 256) })
        {
            var weight = state[name].detach() * Math.Sqrt(fanOut / 2);
            weight.std().ToDouble().Should().BeApproximately(1, 0.02, name);
            weight.mean().ToDouble().Should().BeApproximately(0, 0.02, name);
            weight.abs().max().ToDouble().Should().BeInRange(3, 7, "normal numbers have tails");
        }
        state["fc.bias"].abs().max().ToDouble().Should().Be(0);
        (state["fc.weight"].detach().abs().max().ToDouble() * 16).Should().BeInRange(0.98, 1.0001);
        model.parameters().Should().OnlyContain(parameter => parameter.requires_grad && parameter.is_leaf);
    }

    [Fact]
    public void ChannelStatistics_Wrap_Normalises()
    {
        using var scope = NewDisposeScope();
        using var model = ChannelStatistics.Centred.Wrap(nn.Identity());
        TensorAssert.Close(model.call(full([1, 3, 1, 1], 0.75f)).flatten(), [0.5, 0.5, 0.5], 0);
        foreach (var statistics in new[] { ChannelStatistics.Cifar10, ChannelStatistics.Cifar10PerImage, ChannelStatistics.Cifar100 })
            statistics.Mean.Concat(statistics.Std).Should().OnlyContain(value => value > 0.1 && value < 0.6);
    }
}

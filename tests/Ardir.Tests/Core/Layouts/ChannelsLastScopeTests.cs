using Ardir.Core;
using TorchSharp.Modules;

namespace Ardir.Tests;

/// <summary>A model computes in channels-last order within the scope, and nobody can tell afterwards.</summary>
public sealed class ChannelsLastScopeTests
{
    private static readonly Dictionary<string, (Func<nn.Module<Tensor, Tensor>> Make, long[] Shape)> _networks = new()
    {
        ["PreActResNet"] = (() => TrainingWorld.Network(), [3, 1, 8, 8]),
        ["ResNet"] = (() => ResNet.Create(new ResNetOptions { Widths = [4, 4, 8, 8], Blocks = [1, 1, 1, 1], Seed = 1 }), [2, 3, 16, 16]),
        ["WideResNet"] = (() => WideResNet.Create(new WideResNetOptions { Depth = 10, Widen = 1, Seed = 1 }), [2, 3, 16, 16]),
        ["MobileNetV2"] = (() => MobileNetV2.Create(seed: 1), [2, 3, 32, 32]),
        ["SmallCnn"] = (() => SmallCnn.Create(new SmallCnnOptions { Classes = 10, Seed = 1 }), [2, 1, 28, 28]),
        ["DeepMind"] = (() => DeepMindWideResNet.Create(new DeepMindWideResNetOptions { Depth = 10, Widen = 1, Seed = 1 }), [2, 3, 32, 32]),
    };

    public static TheoryData<string> Networks => [.. _networks.Keys];

    [Theory, MemberData(nameof(Networks))]
    public void Scope_NetworksOfTheLibrary_SameLogitsAndInputGradientsUpToRounding(string name)
    {
        using var scope = NewDisposeScope();
        var (make, shape) = _networks[name];
        using var model = make();
        model.eval();
        model.to(ScalarType.Float64);
        var images = TinyModels.Random(shape, 3);
        var (logits, gradient) = ModelPass.Of(model, images);
        using var format = new ChannelsLastScope(model);
        format.Count.Should().BeGreaterThan(1);
        var (there, gradientThere) = ModelPass.Of(model, images);
        TensorAssert.Close(there, logits, 1e-10 * Math.Max(1, ModelPass.Largest(logits)));
        TensorAssert.Close(gradientThere, gradient, 1e-10 * Math.Max(1, ModelPass.Largest(gradient)));
    }

    [Theory, InlineData(1), InlineData(3)]
    public void Scope_MapsWithin_AreInChannelsLastOrder_AlsoForImagesOfOneChannel(long channels)
    {
        using var scope = NewDisposeScope();
        using var model = PreActResNet.Create(new PreActResNetOptions { InputChannels = channels is 1 ? 1 : 3, Widths = [4, 8], BlocksPerStage = 1, Seed = 1 });
        model.eval();
        var orders = new List<bool>();
        foreach (var convolution in model.modules().OfType<Conv2d>())
            convolution.register_forward_hook((_, _, map) => { orders.Add(ChannelsLastLayout.Has(map)); return null!; });
        var images = TinyModels.Random([2, channels, 8, 8], 1, ScalarType.Float32);
        model.call(images);
        orders.Should().OnlyContain(channelsLast => !channelsLast).And.NotBeEmpty();
        orders.Clear();
        using (new ChannelsLastScope(model)) model.call(images);
        orders.Should().OnlyContain(channelsLast => channelsLast).And.NotBeEmpty();
        orders.Clear();
        model.call(images);
        orders.Should().OnlyContain(channelsLast => !channelsLast);
    }

    [Fact]
    public void Scope_ParametersAndState_AreThoseFromOutside()
    {
        using var scope = NewDisposeScope();
        using var model = TrainingWorld.Network();
        (string, IntPtr, long[])[] Seen() =>
            [.. model.state_dict().Select(pair => (pair.Key, pair.Value.Handle, pair.Value.stride())), .. model.named_parameters().Select(pair => (pair.name, pair.parameter.Handle, pair.parameter.stride()))];
        var (before, text) = (Seen(), Fingerprint.Of(model));
        using (new ChannelsLastScope(model))
        {
            Seen().Should().BeEquivalentTo(before, options => options.WithStrictOrdering());
            Fingerprint.Of(model).Should().Be(text);
        }
        Seen().Should().BeEquivalentTo(before, options => options.WithStrictOrdering());
        model.modules().OfType<Conv2d>().Select(convolution => convolution.weight.Handle).Should().BeSubsetOf(model.parameters().Select(parameter => parameter.Handle));
    }

    [Fact]
    public void Scope_WeightsThatChangedSinceTheLast_AreSeen_AndWithoutAChangeAnOldGraphStaysValid()
    {
        using var scope = NewDisposeScope();
        using var model = Convolution();
        var images = TinyModels.Random([2, 2, 5, 5], 3);
        Tensor leaf = images.detach().requires_grad_(), answer;
        using (new ChannelsLastScope(model)) answer = model.call(leaf);
        using (new ChannelsLastScope(model)) answer.sum().backward(inputs: [leaf]);
        leaf.grad!.abs().sum().ToDouble().Should().BePositive();
        using (no_grad()) model.parameters().First().mul_(2).add_(0.25);
        var expected = model.call(images);
        using (new ChannelsLastScope(model)) TensorAssert.Close(model.call(images), expected, 1e-13);
    }

    [Fact]
    public void Scope_GraphFromBefore_CanBeUsedAfterwards_WithGradientsOfTheWeights()
    {
        using var scope = NewDisposeScope();
        using var model = Convolution();
        var images = TinyModels.Random([2, 2, 5, 5], 3);
        var answer = model.call(images).square().sum();
        using (new ChannelsLastScope(model)) model.call(images);
        answer.backward();
        var expected = model.parameters().First().grad!.clone();
        model.zero_grad();
        model.call(images).square().sum().backward();
        TensorAssert.Same(model.parameters().First().grad!, expected);
    }

    [Fact]
    public void Scope_Nested_TheLastOneEndsIt_InAnyOrder()
    {
        using var scope = NewDisposeScope();
        using var model = Convolution();
        var own = Weight(model);
        var outer = new ChannelsLastScope(model);
        var inner = new ChannelsLastScope(model);
        outer.Dispose();
        Weight(model).Should().NotBeSameAs(own);
        outer.Dispose();   // once more changes nothing
        Weight(model).Should().NotBeSameAs(own);
        inner.Dispose();
        Weight(model).Should().BeSameAs(own);
    }

    [Fact]
    public void Scope_SeveralThreadsOnOneModel_EachComputesAsAlone_AndTheWeightsComeBack()
    {
        using var scope = NewDisposeScope();
        using var model = TrainingWorld.Network();
        model.eval();
        var own = model.modules().OfType<Conv2d>().Select(convolution => convolution.weight).ToList();
        var images = TinyModels.Random([4, 1, 8, 8], 3, ScalarType.Float32);
        double[] Answer()
        {
            using var each = NewDisposeScope();
            using var noGrad = no_grad();
            using var format = new ChannelsLastScope(model);
            return TensorAssert.Values(model.call(images));
        }
        var alone = Answer();
        var wrong = 0;
        var threads = Enumerable.Range(0, 3).Select(_ => new Thread(() =>
        {
            for (var round = 0; round < 40; round++)
                if (!Answer().AsSpan().SequenceEqual(alone)) Interlocked.Increment(ref wrong);
        })).ToList();
        threads.ForEach(thread => thread.Start());
        threads.ForEach(thread => thread.Join());
        wrong.Should().Be(0);
        model.modules().OfType<Conv2d>().Select(convolution => convolution.weight).Should().Equal(own, ReferenceEquals);
    }

    [Fact]
    public void Scope_ForTraining_GradientsReachTheParameters_WhichComeBackInTheirOrder()
    {
        using var scope = NewDisposeScope();
        using var model = Wide();
        model.to(ScalarType.Float64);
        var images = TinyModels.Random([4, 1, 8, 8], 3);
        var before = model.named_parameters().Select(pair => (pair.name, pair.parameter.Handle, pair.parameter.stride())).ToList();
        Dictionary<string, Tensor> Gradients()
        {
            model.zero_grad(set_to_none: true);
            model.call(images).square().sum().backward();
            return model.named_parameters().ToDictionary(pair => pair.name, pair => pair.parameter.grad!.clone(), StringComparer.Ordinal);
        }
        var (expected, text) = (Gradients(), Fingerprint.Of(("first", model.named_parameters().First().parameter)));
        using (var format = new ChannelsLastScope(model, training: true))
        {
            format.Count.Should().Be(model.modules().OfType<Conv2d>().Count());
            model.modules().OfType<Conv2d>().Should().OnlyContain(convolution => ChannelsLastLayout.Has(convolution.weight));
            foreach (var (name, gradient) in Gradients()) TensorAssert.Close(gradient, expected[name], 1e-9);
            // An attack in between finds the weights in the order that it wants.
            using var attack = new ChannelsLastScope(model);
            attack.Count.Should().Be(0);
        }
        model.named_parameters().Select(pair => (pair.name, pair.parameter.Handle, pair.parameter.stride())).Should().BeEquivalentTo(before, options => options.WithStrictOrdering());
        Fingerprint.Of(("first", model.named_parameters().First().parameter)).Should().Be(text);
    }

    [Fact]
    public void Scope_ForTraining_WithAConvolutionThatLibtorchCannotTrainInThisOrder_ChangesNothing()
    {
        using var narrow = TrainingWorld.Network();
        narrow.modules().OfType<Conv2d>().Should().Contain(convolution => convolution.kernel_size[0] == 1 && convolution.stride[0] == 2 && convolution.in_channels == 4);
        using (var format = new ChannelsLastScope(narrow, training: true)) format.Count.Should().Be(0);
        using (var format = new ChannelsLastScope(narrow)) format.Count.Should().BePositive("the gradient of the input is computed correctly");
    }

    [Fact]
    public void Scope_ModelThatIsDisposedOrConvertedWithin_EndsWithoutAnError()
    {
        using var scope = NewDisposeScope();
        var disposed = Convolution();
        var own = Weight(disposed);
        using (new ChannelsLastScope(disposed)) disposed.Dispose();
        own.IsInvalid.Should().BeTrue();
        using var converted = Convolution();
        using (new ChannelsLastScope(converted)) converted.to(ScalarType.Float32);
        Weight(converted).dtype.Should().Be(ScalarType.Float32);
        using var images = TinyModels.Random([2, 2, 5, 5], 3, ScalarType.Float32);
        converted.call(images).dtype.Should().Be(ScalarType.Float32);
    }

    [Fact]
    public void Scope_ModelsWithoutConvolutions_AreLeftAlone()
    {
        using var linear = TinyModels.Linear();
        using (var format = new ChannelsLastScope(linear)) format.Count.Should().Be(0);
        using (var format = new ChannelsLastScope(new OpaqueModel(linear.call))) format.Count.Should().Be(0);
    }

    [Fact]
    public void Scope_RunsAgainAndAgain_LeaveNoTensor()
    {
        using var model = Wide();
        using var images = zeros(2, 1, 8, 8);
        LeakAssert.None(() =>
        {
            using var noGrad = no_grad();
            using (new ChannelsLastScope(model)) model.call(images).Dispose();
            foreach (var parameter in model.parameters()) parameter.mul_(1.5);
            using (new ChannelsLastScope(model, training: true)) model.call(images).Dispose();
        });
    }

    private static PreActResNet Wide() =>
        PreActResNet.Create(new PreActResNetOptions { InputChannels = 1, Classes = 3, Widths = [16, 16], BlocksPerStage = 1, Seed = 1 });

    private static Conv2d Convolution()
    {
        var convolution = nn.Conv2d(2, 3, 3, padding: 1L, dtype: ScalarType.Float64);
        TinyModels.Fill(convolution, 4);
        return convolution;
    }

    private static Parameter Weight(Conv2d convolution) => convolution.weight;
}

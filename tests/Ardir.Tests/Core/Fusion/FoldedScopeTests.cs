using Ardir.Core;
using TorchSharp.Modules;

namespace Ardir.Tests;

/// <summary>Batch norms compute as a part of convolutions within the scope: the same values, and nobody can tell afterwards.</summary>
public sealed class FoldedScopeTests
{
    private static readonly Dictionary<string, (Func<nn.Module<Tensor, Tensor>> Make, long[] Shape)> _networks = new()
    {
        ["PreActResNet"] = (() => TrainingWorld.Network(), [3, 1, 8, 8]),
        ["ResNet"] = (() => ResNet.Create(new ResNetOptions { Widths = [4, 4, 8, 8], Blocks = [1, 2, 1, 1], Seed = 1 }), [2, 3, 16, 16]),
        ["WideResNet"] = (() => WideResNet.Create(new WideResNetOptions { Depth = 10, Widen = 1, Seed = 1 }), [2, 3, 16, 16]),
        ["MobileNetV2"] = (() => MobileNetV2.Create(seed: 1), [2, 3, 32, 32]),
        ["DeepMindWide"] = (() => DeepMindWideResNet.Create(new DeepMindWideResNetOptions { Depth = 10, Widen = 1, Seed = 1 }), [2, 3, 32, 32]),
        ["DeepMindPreAct"] = (() => DeepMindPreActResNet.Create(new DeepMindPreActResNetOptions { Widths = [4, 8], Blocks = [1, 1], Seed = 1 }), [2, 3, 32, 32]),
    };

    public static TheoryData<string> Networks => [.. _networks.Keys];

    [Theory, MemberData(nameof(Networks))]
    public void Scope_NetworksOfTheLibrary_SameLogitsAndInputGradientsUpToRounding(string name)
    {
        using var scope = NewDisposeScope();
        var (make, shape) = _networks[name];
        foreach (var (type, tolerance) in new[] { (ScalarType.Float64, 1e-10), (ScalarType.Float32, 1e-4) })
        {
            using var model = Trained(make(), shape, type);
            var images = TinyModels.Random(shape, 3, type);
            var (logits, gradient) = ModelPass.Of(model, images);
            using var folded = new FoldedScope(model);
            var (there, gradientThere) = ModelPass.Of(model, images);
            TensorAssert.Close(there, logits, tolerance * ModelPass.Largest(logits));
            TensorAssert.Close(gradientThere, gradient, tolerance * ModelPass.Largest(gradient));
            // Something has been folded.
            TensorAssert.Different(there, logits);
        }
    }

    [Theory, InlineData(true), InlineData(false)]
    public void Call_BiasNoAffineGroupsAndStride_AreFoldedToo(bool affine)
    {
        using var scope = NewDisposeScope();
        using var convolution = nn.Conv2d(4, 6, kernel_size: (3, 1), stride: (2, 1), padding: (1, 0), dilation: (2, 1), groups: 2, dtype: ScalarType.Float64);
        using var norm = nn.BatchNorm2d(6, affine: affine, dtype: ScalarType.Float64);
        using var model = new Pair(convolution, norm);
        Trained(model, [8, 4, 9, 5], ScalarType.Float64);
        var images = TinyModels.Random([2, 4, 9, 5], 1);
        using var expected = norm.call(convolution.call(images));
        using (new FoldedScope(model))
        {
            using var there = model.call(images);
            TensorAssert.Close(there, expected, 1e-12 * ModelPass.Largest(expected));
            there.requires_grad.Should().BeFalse("no gradient reaches the layers");
        }
        using var after = model.call(images);
        TensorAssert.Same(after, expected);
        after.requires_grad.Should().BeTrue();
    }

    [Fact]
    public void Scope_WeightsHaveChanged_TheNextScopeFoldsThem()
    {
        using var scope = NewDisposeScope();
        using var model = Trained(new Pair(nn.Conv2d(2, 3, 3), nn.BatchNorm2d(3)), [4, 2, 6, 6], ScalarType.Float64);
        var images = TinyModels.Random([1, 2, 6, 6], 1);
        using var first = new FoldedScope(model);
        var before = model.call(images);
        using (no_grad()) model.Norm.weight!.mul_(2);
        // A scope has the values of its first call.
        TensorAssert.Same(model.call(images), before);
        first.Dispose();
        using var second = new FoldedScope(model);
        TensorAssert.Close(model.call(images), model.Norm.call(model.Convolution.call(images)), 1e-10);
        TensorAssert.Different(model.call(images), before);
    }

    [Theory, InlineData("hook of the convolution"), InlineData("hook before the batch norm"), InlineData("train mode"), InlineData("bfloat16"),
     InlineData("reflected border"), InlineData("padding by name"), InlineData("no running statistics"), InlineData("another convolution")]
    public void Call_WhereFoldingWouldShow_CallsBothLayers(string reason)
    {
        using var scope = NewDisposeScope();
        using var convolution = nn.Conv2d(
            2, 3, 3, padding: 1, padding_mode: reason == "reflected border" ? PaddingModes.Reflect : PaddingModes.Zeros);
        using var named = nn.Conv2d(2, 3, 3, padding: Padding.Same);
        using var norm = nn.BatchNorm2d(3, track_running_stats: reason != "no running statistics");
        using var model = new Pair(reason == "padding by name" ? named : convolution, norm);
        Trained(model, [4, 2, 6, 6], reason == "bfloat16" ? ScalarType.BFloat16 : ScalarType.Float32);
        var images = TinyModels.Random([2, 2, 6, 6], 1, ScalarType.Float32).to(model.Convolution.weight.dtype);
        var calls = 0;
        if (reason == "hook of the convolution") convolution.register_forward_hook((_, _, _) => { calls++; return null!; });
        if (reason == "hook before the batch norm") norm.register_forward_pre_hook((_, _) => { calls++; return null!; });
        if (reason == "train mode") model.train();
        var expected = norm.call(model.Convolution.call(images));
        calls = 0;
        using var folded = new FoldedScope(model);
        using var other = nn.Conv2d(2, 3, 3, padding: 1);
        if (reason == "another convolution") FusedLayers.ConvolutionNorm(other, norm, images);
        TensorAssert.Same(model.call(images), expected);
        if (reason.Contains("hook", StringComparison.Ordinal)) calls.Should().Be(1);
    }

    [Fact]
    public void Scope_ChannelsLast_IsKept()
    {
        using var scope = NewDisposeScope();
        using var model = Trained(new Pair(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)), [4, 3, 6, 6], ScalarType.Float32);
        using var format = new ChannelsLastScope(model);
        using var folded = new FoldedScope(model);
        ChannelsLastLayout.Has(model.call(TinyModels.Random([2, 3, 6, 6], 1, ScalarType.Float32))).Should().BeTrue();
    }

    [Fact]
    public void Scope_NestedAndOnSeveralThreads_FreesWhatItMade()
    {
        using var scope = NewDisposeScope();
        using var model = Trained(TrainingWorld.Network(), [3, 1, 8, 8], ScalarType.Float64);
        var images = TinyModels.Random([3, 1, 8, 8], 3);
        Tensor expected;
        using (no_grad()) expected = model.call(images);
        Parallel.For(0, 4, _ => Work());
        LeakAssert.None(Work);
        TensorAssert.Same(expected, Call());

        void Work()
        {
            using var temporary = NewDisposeScope();
            using var outer = new FoldedScope(model);
            for (var i = 0; i < 5; i++)
            {
                using var inner = new FoldedScope(model);
                using var there = Call();
                TensorAssert.Close(there, expected, 1e-10 * ModelPass.Largest(expected));
            }
        }

        Tensor Call()
        {
            using var noGrad = no_grad();
            return model.call(images);
        }
    }

    [Fact]
    public void Scope_SomethingElseThanAModule_DoesNothing()
    {
        using (new FoldedScope(new OpaqueModel(images => images.alias())))
        using (new FoldedScope(nn.ReLU()))
        {
        }
        var act = () => FusedLayers.ConvolutionNorm(null!, null!, null!);
        act.Should().Throw<ArgumentNullException>();
    }

    // Statistics and weights of its own, so that folding changes the weights.
    private static T Trained<T>(T model, long[] shape, ScalarType type) where T : nn.Module<Tensor, Tensor>
    {
        model.to(type);
        model.train();
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        for (var i = 0; i < 3; i++) model.call(TinyModels.Random(shape, i).to(type));
        foreach (var norm in model.modules().OfType<BatchNorm2d>())
        {
            norm.weight?.copy_(TinyModels.Random(norm.weight.shape, 5).to(type) + 0.5);
            norm.bias?.copy_(TinyModels.Random(norm.bias.shape, 6).to(type));
        }
        model.eval();
        return model;
    }

    private sealed class Pair : nn.Module<Tensor, Tensor>
    {
        public Pair(Conv2d convolution, BatchNorm2d norm) : base(nameof(Pair))
        {
            (Convolution, Norm) = (convolution, norm);
            RegisterComponents();
        }

        public Conv2d Convolution { get; }

        public BatchNorm2d Norm { get; }

        public override Tensor forward(Tensor input) => FusedLayers.ConvolutionNorm(Convolution, Norm, input);

        protected override void RegisterComponents()
        {
            register_module("convolution", Convolution);
            register_module("norm", Norm);
        }
    }
}

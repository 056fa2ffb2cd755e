using Ardir.Core;
using TorchSharp.Modules;

namespace Ardir.Tests;

/// <summary>Which convolutions compute by Winograd's algorithm, for whom and how long; nobody can tell afterwards.</summary>
public sealed class WinogradScopeTests
{
    // Of the largest value of a map, in float32.
    private const double Tolerance = 3e-5;

    [Fact]
    public void Scope_OtherThreads_ComputeAsBeforeAndAreNotDisturbed()
    {
        using var scope = NewDisposeScope();
        using var convolution = TinyModels.Convolution(16, 32, bias: true);
        using var norm = nn.BatchNorm2d(32);
        using var model = nn.Sequential(convolution, norm);
        model.eval();
        var images = TinyModels.Random([2, 16, 8, 8], 3, ScalarType.Float32, low: -1);
        var expected = model.call(images);
        var isOver = false;
        Exception? failure = null;
        var other = new Thread(() => failure = Record.Exception(() =>
        {
            while (!Volatile.Read(ref isOver))
            {
                using var temporary = NewDisposeScope();
                TensorAssert.Same(model.call(images), expected);
            }
        }));
        other.Start();
        for (var i = 0; i < 300; i++)
        {
            using var temporary = NewDisposeScope();
            using var winograd = new WinogradScope(model);
            using var folded = new FoldedScope(model);
            model.call(images).eq(expected).all().ToBoolean().Should().BeFalse();
        }
        Volatile.Write(ref isOver, true);
        other.Join();
        failure.Should().BeNull();
    }

    [Theory, InlineData("stride"), InlineData("dilation"), InlineData("groups"), InlineData("padding"), InlineData("5x5"), InlineData("reflect"), InlineData("24 channels"),
     InlineData("400 channels"), InlineData("float64"), InlineData("hook")]
    public void Scope_ConvolutionOfAnotherKind_IsLeftAlone(string kind)
    {
        using var scope = NewDisposeScope();
        var channels = kind switch { "24 channels" => 24, "400 channels" => 400, _ => 32 };
        using var convolution = nn.Conv2d(
            channels, 32, kind == "5x5" ? 5 : 3, stride: kind == "stride" ? 2 : 1, padding: kind == "padding" ? 0 : 1, dilation: kind == "dilation" ? 2 : 1,
            padding_mode: kind == "reflect" ? PaddingModes.Reflect : PaddingModes.Zeros, groups: kind == "groups" ? 2 : 1,
            dtype: kind == "float64" ? ScalarType.Float64 : ScalarType.Float32);
        if (kind == "hook") convolution.register_forward_hook((_, _, _) => null!);
        // More pixels than convolutions of small maps have.
        var images = TinyModels.Random([2, channels, 11, 11], 3, convolution.weight.dtype);
        var expected = convolution.call(images);
        using var winograd = new WinogradScope(convolution);
        winograd.Count.Should().Be(0);
        TensorAssert.Same(convolution.call(images), expected);
    }

    [Fact]
    public void Scope_NetworkOfTheCatalogueAndOneOfYourOwn_LogitsAndGradientsUpToRounding()
    {
        using var scope = NewDisposeScope();
        using var catalogue = PreActResNet.Create(new PreActResNetOptions { Widths = [16, 32, 64], BlocksPerStage = 2, Seed = 1 });
        using var own = nn.Sequential(nn.Conv2d(3, 16, 3, padding: 1), nn.ReLU(), nn.Conv2d(16, 32, 3, padding: 1), nn.AdaptiveAvgPool2d(1), nn.Flatten());
        foreach (var (model, count) in new (nn.Module<Tensor, Tensor>, int)[] { (catalogue, 10), (own, 1) })
        {
            model.eval();
            var images = TinyModels.Random([4, 3, 24, 24], 3, ScalarType.Float32);
            var ones = ones_like(model.call(images));
            var (logits, gradient) = ModelPass.Of(model, images, ones);
            using (var winograd = new WinogradScope(model))
            using (new FoldedScope(model))
            using (new ChannelsLastScope(model))
            {
                winograd.Count.Should().Be(count);
                var (there, gradientThere) = ModelPass.Of(model, images, ones);
                TensorAssert.Close(there, logits, 1e-4 * ModelPass.Largest(logits));
                TensorAssert.Close(gradientThere, gradient, 1e-4 * ModelPass.Largest(gradient));
                there.eq(logits).all().ToBoolean().Should().BeFalse("another algorithm has computed it");
            }
            TensorAssert.Same(model.call(images), logits);
        }
    }

    [Fact]
    public void Scope_WeightsHaveChanged_TheNextScopeTransformsThem()
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var convolution = TinyModels.Convolution(16, 16, bias: false);
        var images = TinyModels.Random([2, 16, 8, 8], 3, ScalarType.Float32);
        Tensor unchanged;
        using (enable_grad()) (_, unchanged) = ModelPass.Of(convolution, images, ones_like(convolution.call(images)));
        using var first = new WinogradScope(convolution);
        var before = convolution.call(images);
        convolution.weight.mul_(2);
        TensorAssert.Same(convolution.call(images), before);
        using (enable_grad())
        {
            // The gradient is that of the weights of the first call, too.
            var (_, gradient) = ModelPass.Of(convolution, images, ones_like(before));
            TensorAssert.Close(gradient, unchanged, 1e-4);
        }
        first.Dispose();
        using var second = new WinogradScope(convolution);
        TensorAssert.Close(convolution.call(images), before * 2, 1e-6);
    }

    [Fact]
    public void Scope_NestedAndOnSeveralThreads_FreesWhatItMade()
    {
        using var scope = NewDisposeScope();
        using var convolution = TinyModels.Convolution(16, 32, bias: true);
        var images = TinyModels.Random([3, 16, 8, 8], 3, ScalarType.Float32);
        var gradients = TinyModels.Random([3, 32, 8, 8], 4, ScalarType.Float32);
        var (expected, expectedGradient) = ModelPass.Of(convolution, images, gradients);
        Parallel.For(0, 4, _ => Work());
        LeakAssert.None(Work);
        convolution.call(images).eq(expected).all().ToBoolean().Should().BeTrue();

        void Work()
        {
            using var temporary = NewDisposeScope();
            using var outer = new WinogradScope(convolution);
            using var inner = new WinogradScope(convolution);
            for (var i = 0; i < 3; i++)
            {
                var (output, gradient) = ModelPass.Of(convolution, images, gradients);
                TensorAssert.Close(output, expected, Tolerance * 10);
                TensorAssert.Close(gradient, expectedGradient, Tolerance * 10);
            }
        }
    }

    [Fact]
    public void Call_HooksOfSomebodyElseWithinTheScope_SeeTheInputAndTheOutput()
    {
        using var scope = NewDisposeScope();
        using var convolution = TinyModels.Convolution(16, 16, bias: true);
        var images = TinyModels.Random([2, 16, 8, 8], 3, ScalarType.Float32);
        var expected = convolution.call(images * 2);
        using var winograd = new WinogradScope(convolution);
        var seen = new List<long[]>();
        var before = convolution.register_forward_pre_hook((_, input) => input * 2);
        var after = convolution.register_forward_hook((_, input, output) => { seen.Add(input.shape); seen.Add(output.shape); return null!; });
        TensorAssert.Same(convolution.call(images), expected);
        seen.Should().BeEquivalentTo([new long[] { 2, 16, 8, 8 }, [2, 16, 8, 8]]);
        before.remove();
        after.remove();
        convolution.call(images * 2).eq(expected).all().ToBoolean().Should().BeFalse();
        // Converted, although nobody should.
        convolution.to(ScalarType.Float64);
        convolution.call(images.to(ScalarType.Float64)).dtype.Should().Be(ScalarType.Float64);
        FluentActions.Invoking(() => convolution.call(images)).Should().Throw<Exception>();
    }

    [Theory, InlineData(true), InlineData(false)]
    public void Call_InferenceModeFirst_GradientsAfterwards(bool folds)
    {
        using var scope = NewDisposeScope();
        using var model = PreActResNet.Create(new PreActResNetOptions { Widths = [16], BlocksPerStage = 1, Seed = 1 });
        model.eval();
        var images = TinyModels.Random([2, 3, 12, 12], 3, ScalarType.Float32);
        var ones = ones_like(model.call(images));
        var (_, expected) = ModelPass.Of(model, images, ones);
        using var folded = folds ? new FoldedScope(model) : null;
        using var winograd = new WinogradScope(model);
        using (inference_mode()) model.call(images);
        var (_, gradient) = ModelPass.Of(model, images, ones);
        TensorAssert.Close(gradient, expected, 1e-4 * ModelPass.Largest(expected));
    }
}

using Ardir.Core;
using TorchSharp.Modules;

namespace Ardir.Tests;

/// <summary>Convolutions of small maps within a <see cref="WinogradScope"/> have the values and gradients of the convolution up to rounding.</summary>
public sealed class DirectConvolutionTests
{
    // Of the largest value of a map, in float32.
    private const double Tolerance = 3e-5;

    [Theory]
    [InlineData(3, 512, 400, 4, 4, 3, 1, 1, 1, true), InlineData(1, 160, 256, 4, 3, 3, 1, 1, 1, false), InlineData(9, 256, 256, 2, 2, 3, 1, 1, 1, true)]
    [InlineData(2, 512, 256, 1, 1, 3, 1, 1, 1, true), InlineData(2, 128, 256, 8, 8, 3, 2, 1, 1, false), InlineData(2, 128, 256, 7, 6, 3, 2, 1, 1, true)]
    [InlineData(2, 128, 128, 9, 9, 3, 1, 0, 2, true), InlineData(3, 64, 128, 6, 6, 5, 1, 2, 1, false), InlineData(2, 128, 128, 5, 5, 2, 1, 0, 1, true)]
    [InlineData(2, 256, 256, 7, 7, 2, 3, 0, 1, true), InlineData(2, 416, 16, 8, 8, 3, 1, 1, 1, true), InlineData(2, 64, 96, 10, 10, 5, 2, 2, 2, false)]
    public void Call_SmallMaps_OutputAndInputGradientAreThoseOfFloat64(
        long count, long inputs, long outputs, long height, long width, long kernel, long stride, long padding, long dilation, bool bias)
    {
        using var scope = NewDisposeScope();
        using var convolution = nn.Conv2d(inputs, outputs, kernel, stride, padding, dilation, bias: bias, dtype: ScalarType.Float32);
        TinyModels.Fill(convolution, 5);
        using var exact = nn.Conv2d(inputs, outputs, kernel, stride, padding, dilation, bias: bias, dtype: ScalarType.Float64);
        TinyModels.Fill(exact, 5);
        exact.load_state_dict(convolution.state_dict().ToDictionary(pair => pair.Key, pair => pair.Value.to(ScalarType.Float64)));
        var images = TinyModels.Random([count, inputs, height, width], 3, ScalarType.Float32, low: -1);
        var gradients = TinyModels.Random(convolution.call(images).shape, 4, ScalarType.Float32, low: -1);
        var (expected, expectedGradient) = ModelPass.Of(exact, images.to(ScalarType.Float64), gradients.to(ScalarType.Float64));
        using var winograd = new WinogradScope(convolution);
        foreach (var input in new[] { images, ChannelsLastLayout.Copy(images) })
        {
            FastAlgorithm.Suits(convolution, input).Should().BeTrue();
            FastAlgorithm.SuitsWinograd(convolution, input).Should().BeFalse();
            var (output, gradient) = ModelPass.Of(convolution, input, gradients);
            ChannelsLastLayout.Has(output).Should().BeTrue();
            TensorAssert.Close(output.to(ScalarType.Float64), expected, Tolerance * ModelPass.Largest(expected));
            TensorAssert.Close(gradient.to(ScalarType.Float64), expectedGradient, Tolerance * ModelPass.Largest(expectedGradient));
            using var noGrad = no_grad();
            TensorAssert.Same(convolution.call(input), output);
        }
    }

    [Fact]
    public void Call_AnyPartOfTheBatch_SameBits()
    {
        using var scope = NewDisposeScope();
        using var convolution = TinyModels.Convolution(400, 32, bias: true);
        using var winograd = new WinogradScope(convolution);
        var images = TinyModels.Random([11, 400, 4, 4], 3, ScalarType.Float32, low: -1);
        var gradients = TinyModels.Random([11, 32, 4, 4], 4, ScalarType.Float32, low: -1);
        var (all, gradient) = ModelPass.Of(convolution, images, gradients);
        foreach (var size in new[] { 1, 3, 8 })
        {
            for (var first = 0; first < 11; first += size)
            {
                var last = Math.Min(first + size, 11);
                var (part, partGradient) = ModelPass.Of(convolution, images.slice(0, first, last, 1), gradients.slice(0, first, last, 1));
                TensorAssert.Same(part, all.slice(0, first, last, 1));
                TensorAssert.Same(partGradient, gradient.slice(0, first, last, 1));
            }
        }
    }

    [Fact]
    public void Call_WeightsInAnyOrder_SameBits()
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var convolution = TinyModels.Convolution(400, 32, bias: false);
        var images = TinyModels.Random([2, 400, 4, 4], 3, ScalarType.Float32, low: -1);
        var plain = Call();
        using (new ChannelsLastScope(convolution)) TensorAssert.Same(Call(), plain);
        using (new ChannelsLastScope(convolution, training: true)) TensorAssert.Same(Call(), plain);
        var wide = TinyModels.Random([64, 400, 3, 3], 6, ScalarType.Float32, low: -0.1, high: 0.1);
        wide.narrow(0, 16, 32).copy_(convolution.weight);
        convolution.weight = new Parameter(wide.narrow(0, 16, 32));
        TensorAssert.Same(Call(), plain);

        Tensor Call()
        {
            using var winograd = new WinogradScope(convolution);
            return convolution.call(images);
        }
    }

    [Fact]
    public void Backward_AfterTheScopeAndASecondTime_IsExact()
    {
        using var scope = NewDisposeScope();
        using var convolution = nn.Conv2d(128, 256, 3, stride: 2, padding: 1);
        TinyModels.Fill(convolution, 5);
        var images = TinyModels.Random([2, 128, 7, 8], 3, ScalarType.Float32).requires_grad_();
        Tensor inside;
        using (new WinogradScope(convolution)) inside = convolution.call(images);
        var there = autograd.grad([inside.pow(2).sum()], [images], retain_graph: true, create_graph: true)[0];
        var twice = autograd.grad([there.pow(2).sum()], [images])[0];
        var plain = autograd.grad([convolution.call(images).pow(2).sum()], [images], retain_graph: true, create_graph: true)[0];
        var plainTwice = autograd.grad([plain.pow(2).sum()], [images])[0];
        TensorAssert.Close(there, plain.detach(), 1e-4 * ModelPass.Largest(plain));
        TensorAssert.Close(twice, plainTwice, 1e-4 * ModelPass.Largest(plainTwice));
    }

    [Fact]
    public void Call_WithinAScope_FreesWhatItMade()
    {
        using var scope = NewDisposeScope();
        using var model = nn.Sequential(TinyModels.Convolution(400, 32, bias: true), nn.BatchNorm2d(32));
        model.eval();
        var images = TinyModels.Random([3, 400, 4, 4], 3, ScalarType.Float32);
        var (expected, expectedGradient) = ModelPass.Of(model, images);
        Parallel.For(0, 3, _ => Work());
        LeakAssert.None(Work);
        TensorAssert.Same(model.call(images), expected);

        void Work()
        {
            using var temporary = NewDisposeScope();
            using var winograd = new WinogradScope(model);
            using var folded = new FoldedScope(model);
            for (var i = 0; i < 2; i++)
            {
                var (output, gradient) = ModelPass.Of(model, images);
                TensorAssert.Close(output, expected, Tolerance * ModelPass.Largest(expected));
                TensorAssert.Close(gradient, expectedGradient, Tolerance * ModelPass.Largest(expectedGradient));
            }
        }
    }

    [Fact]
    public void Call_OneTapManyPixelsLittleWorkOrSeveralThreads_IsThatOfTheConvolution()
    {
        using var scope = NewDisposeScope();
        foreach (var (kernel, channels, size) in new[] { (1, 512, 4), (3, 400, 9), (3, 16, 4) })
        {
            using var convolution = nn.Conv2d(channels, channels, kernel, padding: kernel / 2);
            var images = TinyModels.Random([2, channels, size, size], 3, ScalarType.Float32);
            var expected = convolution.call(images);
            using var winograd = new WinogradScope(convolution);
            TensorAssert.Same(convolution.call(images), expected);
        }
        using var small = TinyModels.Convolution(400, 400, bias: true);
        var maps = TinyModels.Random([2, 400, 4, 4], 3, ScalarType.Float32);
        LibtorchThreads.Run(2, () =>
        {
            var expected = small.call(maps);
            using var winograd = new WinogradScope(small);
            TensorAssert.Same(small.call(maps), expected);
        });
    }

    [Fact]
    public void Call_KernelLargerThanTheMap_IsRefusedByTheConvolution()
    {
        using var scope = NewDisposeScope();
        using var convolution = nn.Conv2d(256, 256, 5);
        using var winograd = new WinogradScope(convolution);
        FluentActions.Invoking(() => convolution.call(TinyModels.Random([2, 256, 3, 3], 3, ScalarType.Float32))).Should().Throw<Exception>();
        convolution.call(TinyModels.Random([2, 256, 5, 5], 3, ScalarType.Float32)).shape.Should().Equal(2, 256, 1, 1);
    }
}

using Ardir.Core;
using TorchSharp.Modules;

namespace Ardir.Tests;

/// <summary>3x3 convolutions by Winograd's algorithm have the values and gradients of the convolution up to rounding.</summary>
public sealed class WinogradConvolutionTests
{
    // Of the largest value of a map, in float32.
    private const double Tolerance = 3e-5;

    [Theory]
    [InlineData(1, 16, 16, 5, 5, false), InlineData(2, 16, 32, 7, 9, true), InlineData(3, 48, 16, 8, 8, false), InlineData(5, 64, 64, 32, 32, true)]
    [InlineData(2, 384, 128, 6, 13, false), InlineData(70, 16, 16, 8, 5, true), InlineData(1, 32, 16, 5, 300, true), InlineData(4, 256, 384, 8, 8, false)]
    public void Call_Maps_OutputAndInputGradientAreThoseOfFloat64(long count, long inputs, long outputs, long height, long width, bool bias)
    {
        using var scope = NewDisposeScope();
        using var convolution = TinyModels.Convolution(inputs, outputs, bias);
        using var exact = TinyModels.Convolution(inputs, outputs, bias);
        exact.to(ScalarType.Float64);
        var images = TinyModels.Random([count, inputs, height, width], 3, ScalarType.Float32, low: -1);
        var weights = TinyModels.Random([count, outputs, height, width], 4, ScalarType.Float32, low: -1);
        var (expected, expectedGradient) = ModelPass.Of(exact, images.to(ScalarType.Float64), weights.to(ScalarType.Float64));
        using var winograd = new WinogradScope(convolution);
        winograd.Count.Should().Be(1);
        foreach (var input in new[] { images, ChannelsLastLayout.Copy(images) })
        {
            var (output, gradient) = ModelPass.Of(convolution, input, weights);
            output.shape.Should().Equal(expected.shape);
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
        using var noGrad = no_grad();
        using var convolution = TinyModels.Convolution(80, 64, bias: true);
        using var winograd = new WinogradScope(convolution);
        var images = TinyModels.Random([37, 80, 9, 6], 3, ScalarType.Float32, low: -1);
        var all = convolution.call(images);
        foreach (var size in new[] { 1, 5, 36 })
            for (var first = 0; first < 37; first += size)
                TensorAssert.Same(convolution.call(images.slice(0, first, Math.Min(first + size, 37), 1)), all.slice(0, first, Math.Min(first + size, 37), 1));
        LibtorchThreads.Run(3, () => TensorAssert.Same(convolution.call(images), all));
    }

    [Fact]
    public void Call_ViewsOfMapsAndWeights_AreReadWhereTheyLie()
    {
        using var scope = NewDisposeScope();
        using var convolution = TinyModels.Convolution(16, 16, bias: true);
        var map = ChannelsLastLayout.Copy(TinyModels.Random([6, 16, 8, 8], 3, ScalarType.Float32, low: -1));
        var weights = TinyModels.Random([32, 16, 3, 3], 4, ScalarType.Float32, low: -0.1, high: 0.1);
        convolution.weight = new Parameter(weights.narrow(0, 16, 16));
        convolution.bias = new Parameter(TinyModels.Random([40], 5, ScalarType.Float32).narrow(0, 20, 16));
        var (expected, expectedGradient) = Twice();
        using var winograd = new WinogradScope(convolution);
        winograd.Count.Should().Be(1);
        var (output, gradient) = Twice();
        TensorAssert.Close(output, expected, 1e-4);
        TensorAssert.Close(gradient, expectedGradient, 1e-4);

        // Two branches, whose gradients are views of one tensor.
        (Tensor, Tensor) Twice()
        {
            var x = map.detach().requires_grad_();
            var both = cat([convolution.call(x.narrow(0, 4, 2)), convolution.call(x.narrow(0, 1, 2))], 0);
            (both * TinyModels.Random(both.shape, 6, ScalarType.Float32)).sum().backward();
            return (both.detach(), x.grad!);
        }
    }

    [Fact]
    public void Call_SeveralThreadsOfLibtorch_SameBitsOfTheGradient()
    {
        using var scope = NewDisposeScope();
        using var convolution = TinyModels.Convolution(48, 48, bias: true);
        using var winograd = new WinogradScope(convolution);
        var images = TinyModels.Random([20, 48, 16, 16], 3, ScalarType.Float32, low: -1);
        var weights = TinyModels.Random([20, 48, 16, 16], 4, ScalarType.Float32, low: -1);
        var (output, gradient) = ModelPass.Of(convolution, images, weights);
        LibtorchThreads.Run(3, () =>
        {
            var (again, gradientAgain) = ModelPass.Of(convolution, images, weights);
            TensorAssert.Same(again, output);
            TensorAssert.Same(gradientAgain, gradient);
        });
    }

    [Fact]
    public void Backward_NothingComesBack_GivesNothing()
    {
        using var scope = NewDisposeScope();
        using var convolution = TinyModels.Convolution(16, 16, bias: false);
        using var winograd = new WinogradScope(convolution);
        var images = TinyModels.Random([2, 16, 8, 8], 3, ScalarType.Float32).requires_grad_();
        var map = convolution.call(images);
        (map.detach() + images).sum().backward();
        TensorAssert.Same(images.grad!, ones_like(images));
    }

    [Fact]
    public void Call_LittleWorkAndSeveralThreadsOfLibtorch_IsThatOfTheConvolution()
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var convolution = TinyModels.Convolution(16, 16, bias: true);
        var images = TinyModels.Random([4, 16, 12, 12], 3, ScalarType.Float32);
        LibtorchThreads.Run(2, () =>
        {
            var expected = convolution.call(images);
            using var winograd = new WinogradScope(convolution);
            TensorAssert.Same(convolution.call(images), expected);
        });
    }

    [Fact]
    public void Call_InputThatDoesNotSuit_IsThatOfTheConvolution()
    {
        using var scope = NewDisposeScope();
        using var convolution = TinyModels.Convolution(16, 16, bias: true);
        var inputs = new[] { new long[] { 2, 16, 4, 4 }, [2, 16, 4, 9], [0, 16, 8, 8] }.Select(shape => TinyModels.Random(shape, 1, ScalarType.Float32)).ToList();
        var expected = inputs.ConvertAll(convolution.call);
        using var winograd = new WinogradScope(convolution);
        for (var i = 0; i < 2; i++) TensorAssert.Same(convolution.call(inputs[i]), expected[i]);
        convolution.call(inputs[2]).shape.Should().Equal(0, 16, 8, 8);
        FluentActions.Invoking(() => convolution.call(TinyModels.Random([2, 8, 8, 8], 1, ScalarType.Float32))).Should().Throw<Exception>();
        FluentActions.Invoking(() => convolution.call(TinyModels.Random([2, 16, 8, 8], 1))).Should().Throw<Exception>();
        convolution.call(TinyModels.Random([2, 16, 8, 8], 1, ScalarType.Float32)).shape.Should().Equal(2, 16, 8, 8);
    }

    [Fact]
    public void Backward_AfterTheScopeAndASecondTime_IsExact()
    {
        using var scope = NewDisposeScope();
        using var convolution = TinyModels.Convolution(16, 16, bias: false);
        var images = TinyModels.Random([2, 16, 8, 8], 3, ScalarType.Float32).requires_grad_();
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
    public void Backward_SeveralTimes_SameBits()
    {
        using var scope = NewDisposeScope();
        using var convolution = TinyModels.Convolution(16, 16, bias: false);
        using var winograd = new WinogradScope(convolution);
        var images = TinyModels.Random([2, 16, 8, 8], 3, ScalarType.Float32).requires_grad_();
        // Its backward pass needs nothing that could have been freed.
        var sum = convolution.call(images).sum();
        var first = Gradient(retain: true);
        TensorAssert.Same(Gradient(retain: true), first);
        TensorAssert.Same(Gradient(retain: false), first);
        TensorAssert.Same(Gradient(retain: false), first);

        Tensor Gradient(bool retain)
        {
            images.grad = null;
            sum.backward(retain_graph: retain);
            return images.grad!.clone();
        }
    }
}

using Ardir.Core;
using TorchSharp.Modules;

namespace Ardir.Tests;

/// <summary>3x3 convolutions by Winograd's algorithm: the values of the convolution up to rounding, and nobody can tell afterwards.</summary>
public sealed class WinogradScopeTests
{
    // Of the largest value of a map, in float32.
    private const double Tolerance = 3e-5;

    [Theory]
    [InlineData(1, 16, 16, 5, 5, false), InlineData(2, 16, 32, 7, 9, true), InlineData(3, 48, 16, 8, 8, false), InlineData(5, 64, 64, 32, 32, true)]
    [InlineData(2, 384, 128, 6, 13, false), InlineData(70, 16, 16, 8, 5, true), InlineData(1, 32, 16, 5, 300, true), InlineData(4, 256, 384, 8, 8, false)]
    public void Call_Maps_OutputAndInputGradientAreThoseOfFloat64(long count, long inputs, long outputs, long height, long width, bool bias)
    {
        using var scope = NewDisposeScope();
        using var convolution = Convolution(inputs, outputs, bias);
        using var exact = Convolution(inputs, outputs, bias);
        exact.to(ScalarType.Float64);
        var images = TinyModels.Random([count, inputs, height, width], 3, ScalarType.Float32, low: -1);
        var weights = TinyModels.Random([count, outputs, height, width], 4, ScalarType.Float32, low: -1);
        var (expected, expectedGradient) = Pass(exact, images.to(ScalarType.Float64), weights.to(ScalarType.Float64));
        using var winograd = new WinogradScope(convolution);
        winograd.Count.Should().Be(1);
        foreach (var input in new[] { images, ChannelsLastLayout.Copy(images) })
        {
            var (output, gradient) = Pass(convolution, input, weights);
            output.shape.Should().Equal(expected.shape);
            ChannelsLastLayout.Has(output).Should().BeTrue();
            TensorAssert.Close(output.to(ScalarType.Float64), expected, Tolerance * Largest(expected));
            TensorAssert.Close(gradient.to(ScalarType.Float64), expectedGradient, Tolerance * Largest(expectedGradient));
            using var noGrad = no_grad();
            TensorAssert.Same(convolution.call(input), output);
        }
    }

    [Fact]
    public void Call_AnyPartOfTheBatch_SameBits()
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var convolution = Convolution(80, 64, bias: true);
        using var winograd = new WinogradScope(convolution);
        var images = TinyModels.Random([37, 80, 9, 6], 3, ScalarType.Float32, low: -1);
        var all = convolution.call(images);
        foreach (var size in new[] { 1, 5, 36 })
            for (var first = 0; first < 37; first += size)
                TensorAssert.Same(convolution.call(images.slice(0, first, Math.Min(first + size, 37), 1)), all.slice(0, first, Math.Min(first + size, 37), 1));
        OnThreads(3, () => TensorAssert.Same(convolution.call(images), all));
    }

    [Fact]
    public void Call_ViewsOfMapsAndWeights_AreReadWhereTheyLie()
    {
        using var scope = NewDisposeScope();
        using var convolution = Convolution(16, 16, bias: true);
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
        using var convolution = Convolution(48, 48, bias: true);
        using var winograd = new WinogradScope(convolution);
        var images = TinyModels.Random([20, 48, 16, 16], 3, ScalarType.Float32, low: -1);
        var weights = TinyModels.Random([20, 48, 16, 16], 4, ScalarType.Float32, low: -1);
        var (output, gradient) = Pass(convolution, images, weights);
        OnThreads(3, () =>
        {
            var (again, gradientAgain) = Pass(convolution, images, weights);
            TensorAssert.Same(again, output);
            TensorAssert.Same(gradientAgain, gradient);
        });
    }

    [Fact]
    public void Scope_OtherThreads_ComputeAsBeforeAndAreNotDisturbed()
    {
        using var scope = NewDisposeScope();
        using var convolution = Convolution(16, 32, bias: true);
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

    [Fact]
    public void Call_HooksOfSomebodyElseWithinTheScope_SeeTheInputAndTheOutput()
    {
        using var scope = NewDisposeScope();
        using var convolution = Convolution(16, 16, bias: true);
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
        var (_, expected) = Pass(model, images, ones);
        using var folded = folds ? new FoldedScope(model) : null;
        using var winograd = new WinogradScope(model);
        using (inference_mode()) model.call(images);
        var (_, gradient) = Pass(model, images, ones);
        TensorAssert.Close(gradient, expected, 1e-4 * Largest(expected));
    }

    [Fact]
    public void Backward_NothingComesBack_GivesNothing()
    {
        using var scope = NewDisposeScope();
        using var convolution = Convolution(16, 16, bias: false);
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
        using var convolution = Convolution(16, 16, bias: true);
        var images = TinyModels.Random([4, 16, 12, 12], 3, ScalarType.Float32);
        OnThreads(2, () =>
        {
            var expected = convolution.call(images);
            using var winograd = new WinogradScope(convolution);
            TensorAssert.Same(convolution.call(images), expected);
        });
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
        var images = TinyModels.Random([2, channels, 8, 8], 3, convolution.weight.dtype);
        var expected = convolution.call(images);
        using var winograd = new WinogradScope(convolution);
        winograd.Count.Should().Be(0);
        TensorAssert.Same(convolution.call(images), expected);
    }

    [Fact]
    public void Call_InputThatDoesNotSuit_IsThatOfTheConvolution()
    {
        using var scope = NewDisposeScope();
        using var convolution = Convolution(16, 16, bias: true);
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
            var (logits, gradient) = Pass(model, images, ones);
            using (var winograd = new WinogradScope(model))
            using (new FoldedScope(model))
            using (new ChannelsLastScope(model))
            {
                winograd.Count.Should().Be(count);
                var (there, gradientThere) = Pass(model, images, ones);
                TensorAssert.Close(there, logits, 1e-4 * Largest(logits));
                TensorAssert.Close(gradientThere, gradient, 1e-4 * Largest(gradient));
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
        using var convolution = Convolution(16, 16, bias: false);
        var images = TinyModels.Random([2, 16, 8, 8], 3, ScalarType.Float32);
        Tensor unchanged;
        using (enable_grad()) (_, unchanged) = Pass(convolution, images, ones_like(convolution.call(images)));
        using var first = new WinogradScope(convolution);
        var before = convolution.call(images);
        convolution.weight.mul_(2);
        TensorAssert.Same(convolution.call(images), before);
        using (enable_grad())
        {
            // The gradient is that of the weights of the first call, too.
            var (_, gradient) = Pass(convolution, images, ones_like(before));
            TensorAssert.Close(gradient, unchanged, 1e-4);
        }
        first.Dispose();
        using var second = new WinogradScope(convolution);
        TensorAssert.Close(convolution.call(images), before * 2, 1e-6);
    }

    [Fact]
    public void Backward_AfterTheScopeAndASecondTime_IsExact()
    {
        using var scope = NewDisposeScope();
        using var convolution = Convolution(16, 16, bias: false);
        var images = TinyModels.Random([2, 16, 8, 8], 3, ScalarType.Float32).requires_grad_();
        Tensor inside;
        using (new WinogradScope(convolution)) inside = convolution.call(images);
        var there = autograd.grad([inside.pow(2).sum()], [images], retain_graph: true, create_graph: true)[0];
        var twice = autograd.grad([there.pow(2).sum()], [images])[0];
        var plain = autograd.grad([convolution.call(images).pow(2).sum()], [images], retain_graph: true, create_graph: true)[0];
        var plainTwice = autograd.grad([plain.pow(2).sum()], [images])[0];
        TensorAssert.Close(there, plain.detach(), 1e-4 * Largest(plain));
        TensorAssert.Close(twice, plainTwice, 1e-4 * Largest(plainTwice));
    }

    [Fact]
    public void Backward_SeveralTimes_SameBits()
    {
        using var scope = NewDisposeScope();
        using var convolution = Convolution(16, 16, bias: false);
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

    [Fact]
    public void Scope_NestedAndOnSeveralThreads_FreesWhatItMade()
    {
        using var scope = NewDisposeScope();
        using var convolution = Convolution(16, 32, bias: true);
        var images = TinyModels.Random([3, 16, 8, 8], 3, ScalarType.Float32);
        var gradients = TinyModels.Random([3, 32, 8, 8], 4, ScalarType.Float32);
        var (expected, expectedGradient) = Pass(convolution, images, gradients);
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
                var (output, gradient) = Pass(convolution, images, gradients);
                TensorAssert.Close(output, expected, Tolerance * 10);
                TensorAssert.Close(gradient, expectedGradient, Tolerance * 10);
            }
        }
    }

    private static void OnThreads(int count, Action action)
    {
        var before = get_num_threads();
        set_num_threads(count);
        try
        {
            action();
        }
        finally
        {
            set_num_threads(before);
        }
    }

    private static Conv2d Convolution(long inputs, long outputs, bool bias)
    {
        var convolution = nn.Conv2d(inputs, outputs, 3, padding: 1, bias: bias);
        TinyModels.Fill(convolution, 5);
        return convolution;
    }

    private static (Tensor Output, Tensor Gradient) Pass(nn.Module<Tensor, Tensor> model, Tensor images, Tensor gradient)
    {
        var x = images.detach().requires_grad_();
        var output = model.call(x);
        output.backward([gradient], inputs: [x]);
        return (output.detach(), x.grad!);
    }

    private static double Largest(Tensor values) => values.detach().abs().max().ToDouble();
}

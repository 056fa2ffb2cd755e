using Ardir.Core;
using TorchSharp.Modules;

namespace Ardir.Tests;

/// <summary>The memory format is chosen by measurement, and measuring changes nothing.</summary>
public sealed class PassFormatTests
{
    private readonly Conv2d _convolution = nn.Conv2d(1, 3, 3, padding: 1L);

    [Theory, InlineData(true), InlineData(false)]
    public void Fastest_ModelThatIsSlowerInOneOrder_IsTheOther_AndIsRemembered(bool slowInChannelsLast)
    {
        var calls = 0;
        using var model = new FuncModel(
            x =>
            {
                calls++;
                if (ChannelsLastLayout.Has(_convolution.weight) == slowInChannelsLast) Thread.Sleep(30);
                return _convolution.call(x).mean([2, 3]);
            },
            _convolution);
        using var images = TinyModels.Images(2);
        var expected = slowInChannelsLast ? MemoryFormat.Contiguous : MemoryFormat.ChannelsLast;
        PassFormat.Fastest(model, images).Should().Be(expected);
        calls.Should().Be(8);
        PassFormat.Fastest(model, images).Should().Be(expected);
        calls.Should().Be(8, "the answer is known for this model and shape");
        using var others = TinyModels.Images(3);
        PassFormat.Fastest(model, others);
        calls.Should().Be(16);
        using (var format = PassFormat.Enter(MemoryFormat.Measured, model, images)) (format is null).Should().Be(slowInChannelsLast);
        using (var format = PassFormat.Enter(MemoryFormat.ChannelsLast, model, images)) format!.Count.Should().Be(1);
        PassFormat.Enter(MemoryFormat.Contiguous, model, images).Should().BeNull();
        calls.Should().Be(16);
    }

    [Fact]
    public void Fastest_ModelThatFailsInChannelsLastOrder_IsContiguous_AndKeepsItsWeights()
    {
        var own = _convolution.weight;
        using var model = new FuncModel(x => _convolution.call(x).view(x.shape[0], -1), _convolution);
        using var images = TinyModels.Images(2);
        PassFormat.Fastest(model, images).Should().Be(MemoryFormat.Contiguous);
        _convolution.weight.Should().BeSameAs(own);
        using var scope = new ChannelsLastScope(model);
        FluentActions.Invoking(() => model.call(images)).Should().Throw<System.Runtime.InteropServices.ExternalException>("this model cannot compute in channels-last order");
    }

    [Fact]
    public void Fastest_NoConvolution_IsContiguousWithoutACall()
    {
        var calls = 0;
        using var model = new FuncModel(x => { calls++; return x.flatten(1); });
        using var images = TinyModels.Images(2);
        PassFormat.Fastest(model, images).Should().Be(MemoryFormat.Contiguous);
        PassFormat.Fastest(new OpaqueModel(model.call), images).Should().Be(MemoryFormat.Contiguous);
        calls.Should().Be(0);
    }

    [Fact]
    public void Fastest_InTrainMode_RestoresBuffersAndRandomNumbers_AndLeavesNoGradient()
    {
        using var scope = NewDisposeScope();
        using var model = TrainingWorld.Student();
        model.train();
        var images = TinyModels.Random([4, 1, 8, 8], 2, ScalarType.Float32);
        var (before, random) = (TrainingWorld.State(model), torch.random.get_rng_state());
        PassFormat.Fastest(model, images);
        TrainingWorld.SameState(TrainingWorld.State(model), before);
        TensorAssert.Same(torch.random.get_rng_state(), random);
        model.parameters().Select(parameter => parameter.grad).Should().OnlyContain(gradient => ReferenceEquals(gradient, null));
        model.modules().Should().OnlyContain(module => module.training);
        images.requires_grad.Should().BeFalse();
    }

    [Fact]
    public void Fastest_ModelWithoutAGradient_IsMeasuredForward()
    {
        using var model = new FuncModel(x => _convolution.call(x).detach().mean([2, 3]), _convolution);
        using var images = TinyModels.Images(2);
        PassFormat.Fastest(model, images).Should().BeOneOf(MemoryFormat.Contiguous, MemoryFormat.ChannelsLast);
    }

    [Fact]
    public void Fastest_EachTime_LeavesNoTensor()
    {
        using var images = TinyModels.Random([2, 1, 8, 8], 2, ScalarType.Float32);
        LeakAssert.None(() =>
        {
            // The copies of the weights live as long as the model.
            using var model = new FuncModel(x => x.mean([2, 3]), nn.ReLU());
            PassFormat.Fastest(model, images);
        });
        using var network = TrainingWorld.Network();
        var length = 0;
        LeakAssert.None(() =>
        {
            using var others = zeros(3 + length++, 1, 8, 8);
            PassFormat.Fastest(network, others);
        });
    }
}

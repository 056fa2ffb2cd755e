using Ardir.Core;

namespace Ardir.Tests.Core.Models;

/// <summary>The built-in normalisation of DeepMind's networks: made once, of no scope, in no state dictionary, good for every dtype and mode.</summary>
public sealed class ChannelConstantsTests
{
    public static TheoryData<string, Func<nn.Module<Tensor, Tensor>>> Networks => new()
    {
        { "wide", () => DeepMindWideResNet.Create(new DeepMindWideResNetOptions { Depth = 10, Widen = 1, Seed = 1 }) },
        { "preact", () => DeepMindPreActResNet.Create(new DeepMindPreActResNetOptions { Widths = [4, 6], Blocks = [1, 1], Seed = 1 }) },
    };

    [Theory, MemberData(nameof(Networks))]
    public void Forward_MakesThemOnceAndReleasesThemWithTheNetwork(string name, Func<nn.Module<Tensor, Tensor>> create)
    {
        using var images = TinyModels.Random([2, 3, 8, 8], 1, ScalarType.Float32);
        LeakAssert.None(() =>
        {
            using var model = create();
            for (var i = 0; i < 3; i++) model.call(images).Dispose();
            model.state_dict().Keys.Should().NotContain(key => key.Contains("mean", StringComparison.Ordinal) && !key.Contains("running", StringComparison.Ordinal), name);
        });
        using var kept = create();
        var statistics = DisposeScopeManager.Statistics.TensorStatistics;
        kept.eval();
        kept.call(images).Dispose();
        var before = statistics.ThreadTotalLiveCount;
        for (var i = 0; i < 3; i++) kept.call(images).Dispose();
        statistics.ThreadTotalLiveCount.Should().Be(before);
    }

    [Theory, MemberData(nameof(Networks))]
    public void Forward_FirstInsideAScopeAndInferenceMode_StillTakesGradientsAndOtherTypesLater(string name, Func<nn.Module<Tensor, Tensor>> create)
    {
        using var scope = NewDisposeScope();
        using var model = create();
        model.eval();
        var images = TinyModels.Random([2, 3, 8, 8], 1, ScalarType.Float32);
        using (NewDisposeScope())
        using (inference_mode()) model.call(images);
        var input = images.clone().requires_grad_();
        model.call(input).sum().backward(inputs: [input]);
        input.grad!.abs().sum().ToSingle().Should().BePositive(name);
        model.to(ScalarType.Float64);
        var doubles = model.call(images.to(ScalarType.Float64));
        doubles.dtype.Should().Be(ScalarType.Float64);
        model.to(ScalarType.Float32);
        TensorAssert.Close(model.call(images), [.. doubles.detach().data<double>().ToArray()], 1e-4);
    }
}

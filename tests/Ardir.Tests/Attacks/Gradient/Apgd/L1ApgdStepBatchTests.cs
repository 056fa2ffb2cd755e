using Ardir.Attacks;
using Ardir.Core;

namespace Ardir.Tests;

/// <summary>The sparse step of APGD in L1 on batches: each sample by itself, and in the ball however many roundings add up.</summary>
public sealed class L1ApgdStepBatchTests
{
    [Fact]
    public void Move_SeveralSamplesAndChannels_MovesAFifthOfEachSample() => Search(ThreatModel.L1(0.4), Grey(2, 3, 2, 4), run =>
    {
        using var step = new L1ApgdStep(run, new ApgdStage(0.4, 100), run.Images);
        // 0.2 of 24: the value at place floor(19.2) = 19 and the four above it.
        Moved(step, run, run.Images).Should().Equal(5, 5);
    });

    [Fact]
    public void Narrow_ToTheSecondSample_MovesAsManyOfItsValuesAsBefore() => Search(ThreatModel.L1(0.4), Grey(2, 1, 1, 16), run =>
    {
        var start = run.Images.clone();
        start[0] += 0.001;
        start[1, TensorIndex.Ellipsis, ..8] += 0.001;
        using var step = new L1ApgdStep(run, new ApgdStage(0.4, 100, StartIsGiven: true), start);
        Moved(step, run, run.Images).Should().Equal(11, 6);
        var second = tensor([1L]);
        step.Narrow(second);
        Moved(step, run.Narrow(second), run.Images[second]).Should().Equal(6);
    });

    [Theory]
    [InlineData(0.5)]    // about 1e-4 of the radius in crumbs of float32
    [InlineData(0.05)]
    public void Move_CrumbsOfThousandsOfValues_DoNotLeaveTheBall(double radius) =>
        Search(ThreatModel.L1(radius), TinyModels.Random([2, 3, 32, 32], 1, ScalarType.Float32), run =>
        {
            // Far from the images, so that going there and back is not exact in float32.
            var start = run.Images + TinyModels.Random(run.Images.shape, 2, ScalarType.Float32, -0.7, 0.7);
            using var step = new L1ApgdStep(run, new ApgdStage(radius, 100, StartIsGiven: true), start);
            using var state = State(start, TinyModels.Random(run.Images.shape, 3, ScalarType.Float32, -1, 1));
            TensorAssert.AllTrue(run.Threat.Contains(run.Images, step.Move(run, state, 1)));
        });

    [Fact]
    public void Move_FarBeyondTheBox_EndsAtItsEdge() =>
        Search(ThreatModel.L1(9000), TinyModels.Random([2, 3, 32, 32], 1, ScalarType.Float32), run =>
        {
            using var step = new L1ApgdStep(run, new ApgdStage(9000, 100, StartIsGiven: true), 1 - run.Images);
            using var state = State(run.Images, TinyModels.Random(run.Images.shape, 3, ScalarType.Float32, -1, 1));
            var points = step.Move(run, state, 1);
            TensorAssert.AllTrue(run.Threat.Contains(run.Images, points));
            points.min().ToDouble().Should().Be(0);
            points.max().ToDouble().Should().Be(1);
        });

    private static Tensor Grey(params long[] shape) => full(shape, 0.5, ScalarType.Float64);

    // Values that a step changes, of each sample, along a gradient whose size grows from value to value.
    private static long[] Moved(L1ApgdStep step, AttackRun run, Tensor images)
    {
        using var state = State(images, arange(1.0, images.numel() + 1).to(images.dtype).reshape(images.shape));
        return TensorAssert.Longs((step.Move(run, state, 1) != images).flatten(1).sum(1));
    }

    private static ApgdState State(Tensor point, Tensor gradient) =>
        new(point, new AttackGradient(zeros(point.shape[0], 2), zeros(point.shape[0]), gradient));

    private static void Search(ThreatModel threat, Tensor images, Action<AttackRun> body)
    {
        using var scope = NewDisposeScope();
        using var model = new FuncModel(x => x.flatten(1));
        var ran = false;
        new ProbeAttack(threat, run =>
        {
            body(run);
            ran = true;
            return run.Images;
        }).Perturb(model, images, model.call(images).argmax(1));
        ran.Should().BeTrue();
    }
}

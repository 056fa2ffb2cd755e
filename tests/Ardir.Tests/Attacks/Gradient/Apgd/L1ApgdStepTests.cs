using Ardir.Attacks;
using Ardir.Core;

namespace Ardir.Tests;

/// <summary>The sparse step of APGD in L1 ("Mind the box"): how many values move, how far, and how both follow the sparsity of the best point.</summary>
public sealed class L1ApgdStepTests
{
    private const double Radius = 0.4;

    [Theory]
    [InlineData(16, 4)]     // 0.2 of 16: the value at place floor(0.8 * 16) = 12 and the three above it
    [InlineData(40, 8)]
    [InlineData(3, 1)]
    public void Move_StartThatIsNoise_MovesAFifthOfTheValues(int values, int moved) => Search(values, run =>
    {
        using var step = new L1ApgdStep(run, new ApgdStage(Radius, 100), run.Images);
        var delta = Move(step, run);
        for (var i = 0; i < values; i++) delta[i].Should().BeApproximately(i < values - moved ? 0 : Sign(i) * Radius / moved, 1e-12);
    });

    [Theory]
    [InlineData(8, 6)]      // 8 of 16 moved: a share of 1/3, place floor(10.67) = 10
    [InlineData(16, 11)]    // all moved: 2/3, place floor(5.33) = 5
    [InlineData(2, 2)]      // 1/12, place floor(14.67) = 14
    public void Move_StartThatIsGiven_IsAsSparseAsItsPerturbation(int changed, int moved) => Search(16, run =>
    {
        using var step = new L1ApgdStep(run, new ApgdStage(Radius, 100, StartIsGiven: true), Changed(run, changed));
        Move(step, run).Count(value => value != 0).Should().Be(moved);
    });

    // None moved: a share of zero, and place 16 would be beyond the last.
    [Fact]
    public void Move_StartThatIsTheImage_MovesTheLargestValueAlone() => Search(16, run =>
    {
        using var step = new L1ApgdStep(run, new ApgdStage(Radius, 100, StartIsGiven: true), run.Images);
        var delta = Move(step, run);
        delta[..15].Should().OnlyContain(value => value == 0);
        delta[15].Should().BeApproximately(Sign(15) * Radius, 1e-8);
    });

    // Both of two moved: a share of 2/3, place floor(0.67) = 0.
    [Fact]
    public void Move_TwoValuesThatBothMoved_MovesBoth() => Search(2, run =>
    {
        using var step = new L1ApgdStep(run, new ApgdStage(Radius, 100, StartIsGiven: true), Changed(run, 2));
        var delta = Move(step, run);
        delta[0].Should().BeApproximately(-Radius / 2, 1e-8);
        delta[1].Should().BeApproximately(Radius / 2, 1e-8);
    });

    [Fact]
    public void Move_TiesAtTheThreshold_AllMove() => Search(16, run =>
    {
        using var step = new L1ApgdStep(run, new ApgdStage(Radius, 100), run.Images);
        using var state = State(run, run.Images, ones([1, 1, 1, 16], ScalarType.Float64));
        TensorAssert.Close(step.Move(run, state, 1) - run.Images, [.. Enumerable.Repeat(Radius / 16, 16)], 1e-12);
    });

    [Theory]
    [InlineData(100, 4)]
    [InlineData(50, 2)]
    [InlineData(99, 3)]
    [InlineData(10, 1)]
    public void End_Period_IsFourPercentOfTheIterations(int iterations, int period) => Search(16, run =>
    {
        using var step = new L1ApgdStep(run, new ApgdStage(Radius, iterations), run.Images);
        for (var round = 0; round < 2; round++)
            for (var i = 1; i <= period; i++) (End(step, run, 8) is not null).Should().Be(i == period);
    });

    [Fact]
    public void End_BestPointOfThePerturbation_SetsShareAndSize() => Search(16, run =>
    {
        // One iteration to a check.
        using var step = new L1ApgdStep(run, new ApgdStage(Radius, 10), run.Images);
        // Half as many as at the beginning: sparser, so the step starts over, and the share follows.
        End(step, run, 8).Should().BeTrue();
        Expect(6, Radius);
        // No sparser than before: two thirds of the step each time, down to a tenth of the first.
        foreach (var size in new[] { 1 / 1.5, 1 / 2.25, 1 / 3.375, 1 / 5.0625, 1 / 7.59375, 0.1, 0.1 })
        {
            End(step, run, 8).Should().BeFalse();
            Expect(6, Radius * size);
        }
        End(step, run, 4).Should().BeTrue();
        Expect(3, Radius);

        void Expect(int moved, double length)
        {
            var delta = Move(step, run);
            delta.Count(value => value != 0).Should().Be(moved);
            delta.Sum(Math.Abs).Should().BeApproximately(length, 1e-6);   // sizes are float32
        }
    });

    [Theory]
    [InlineData(37, true)]     // 0.925 of 40
    [InlineData(38, false)]    // 0.95
    [InlineData(39, false)]
    public void End_Sparser_MeansLessThanNinetyFivePercent(int changed, bool sparser) => Search(40, run =>
    {
        using var step = new L1ApgdStep(run, new ApgdStage(Radius, 10), run.Images);
        End(step, run, changed).Should().Be(sparser);
    });

    private static bool? End(L1ApgdStep step, AttackRun run, int changed)
    {
        using var state = State(run, Changed(run, changed), zeros_like(run.Images));
        return step.End(run, state, zeros(1))?.ToBoolean();
    }

    // From the images, along a gradient whose size grows from value to value and whose sign alternates.
    private static double[] Move(L1ApgdStep step, AttackRun run)
    {
        var values = (int)run.Images.numel();
        using var state = State(run, run.Images, tensor([.. Enumerable.Range(0, values).Select(i => Sign(i) * (i + 1.0))], run.Images.shape));
        return TensorAssert.Values(step.Move(run, state, 1) - run.Images);
    }

    private static double Sign(int i) => i % 3 == 0 ? -1 : 1;

    private static Tensor Changed(AttackRun run, int count)
    {
        var points = run.Images.clone();
        points[TensorIndex.Ellipsis, ..count] += 0.001;
        return points;
    }

    private static ApgdState State(AttackRun run, Tensor point, Tensor gradient) => new(point, new AttackGradient(zeros(1, 2), zeros(run.Count), gradient));

    private static void Search(int values, Action<AttackRun> body)
    {
        using var scope = NewDisposeScope();
        using var model = new FuncModel(x => x.flatten(1));
        var ran = false;
        new ProbeAttack(ThreatModel.L1(Radius), run =>
        {
            body(run);
            ran = true;
            return run.Images;
        }).Perturb(model, full([1, 1, 1, values], 0.5, ScalarType.Float64), zeros(1, ScalarType.Int64));
        ran.Should().BeTrue();
    }
}

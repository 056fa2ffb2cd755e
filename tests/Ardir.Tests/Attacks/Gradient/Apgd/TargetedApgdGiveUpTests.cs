using Ardir.Attacks;
using Ardir.Core;

namespace Ardir.Tests;

/// <summary>What APGD-T saves by giving up, and that it changes nothing else.</summary>
public sealed class TargetedApgdGiveUpTests
{
    private const int Count = 3;

    // The clean image, then for each of two targets the start and the iterations until the sample leaves. In L1 30 iterations with three and 30 with two times the
    // radius come first, each with a start, and the second checkpoint of the last 40 is the 15th.
    [Theory]
    [InlineData(PerturbationNorm.Linf, 1 + 41)]
    [InlineData(PerturbationNorm.L2, 1 + 41)]
    [InlineData(PerturbationNorm.L1, 31 + 31 + 1 + 15)]
    public void Perturb_OutOfReach_LeavesEachTargetAtTheSecondCheckpoint(PerturbationNorm norm, int each)
    {
        Forwards(norm, giveUp: true).Should().Be(Count * (1 + 2 * each));
        Forwards(norm, giveUp: false).Should().Be(Count * (1 + 2 * (norm == PerturbationNorm.L1 ? 103 : 101)));
    }

    [Fact]
    public void Perturb_AveragedGradientsOrShortRuns_NeverGiveUp()
    {
        Forwards(PerturbationNorm.Linf, giveUp: true, samples: 2).Should().Be(Count * (1 + 2 * 2 * 101));
        Forwards(PerturbationNorm.Linf, giveUp: true, iterations: 10).Should().Be(Count * (1 + 2 * 11));
    }

    [Theory]
    [InlineData(PerturbationNorm.Linf, 0.05, 10)]
    [InlineData(PerturbationNorm.Linf, 0.05, 3)]   // the difference of two logits instead of their ratio
    [InlineData(PerturbationNorm.L2, 0.15, 10)]
    [InlineData(PerturbationNorm.L1, 0.4, 10)]
    public void Perturb_InReachOrNot_FindsTheSamePoints(PerturbationNorm norm, double epsilon, int classes)
    {
        using var scope = NewDisposeScope();
        using var model = TinyModels.Linear(classes);
        var images = TinyModels.Images(40, ScalarType.Float64);
        var labels = model.call(images).argmax(1);
        Tensor Found(bool giveUp) =>
            new TargetedApgdAttack(Balls.Of(norm, epsilon), new TargetedApgdOptions { GiveUp = giveUp }).Perturb(model, images, labels);
        var found = Found(giveUp: true);
        TensorAssert.Close(found, TensorAssert.Values(Found(giveUp: false)), 1e-12);
        (model.call(found).argmax(1) != labels).sum().ToInt64().Should().BeInRange(5, 35);
    }

    [Fact]
    public void Perturb_UntargetedForm_NeverGivesUp()
    {
        using var scope = NewDisposeScope();
        using var model = Leading();
        var counting = new CountingModel(model);
        new ApgdAttack(ThreatModel.Linf(0.01), new ApgdOptions { Loss = AttackLoss.Dlr })
            .Perturb(counting, TinyModels.Images(Count, ScalarType.Float64), zeros(Count, ScalarType.Int64));
        counting.SampleForwards.Should().Be(Count * (1 + 101));
    }

    private static long Forwards(PerturbationNorm norm, bool giveUp, int samples = 1, int iterations = 100)
    {
        using var scope = NewDisposeScope();
        using var model = Leading();
        var counting = new CountingModel(model);
        var attack = new TargetedApgdAttack(
            Balls.Of(norm, 0.01), new TargetedApgdOptions { Search = new() { Iterations = iterations }, Classes = 2, GiveUp = giveUp });
        new EotAttack(attack, samples).Perturb(counting, TinyModels.Images(Count, ScalarType.Float64), zeros(Count, ScalarType.Int64));
        return counting.SampleForwards;
    }

    // The label leads by more than the box can take away.
    private static LinearModel Leading() => new(TinyModels.Random([5, 16], 3, ScalarType.Float64, -1, 1), tensor(new[] { 100.0, 0, 0, 0, 0 }));
}

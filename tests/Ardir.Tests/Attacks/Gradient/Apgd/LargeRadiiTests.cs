using Ardir.Attacks;
using Ardir.Core;

namespace Ardir.Tests;

/// <summary>APGD for L1 in three radii: where every evaluation is.</summary>
public sealed class LargeRadiiTests
{
    private const double Epsilon = 0.4;

    [Theory]
    [InlineData(100, new[] { 30, 30, 40 })]
    [InlineData(10, new[] { 3, 3, 4 })]
    [InlineData(7, new[] { 3, 3, 1 })]
    [InlineData(3, new[] { 1, 1, 1 })]
    [InlineData(2, new[] { 2 })]
    public void LargeRadii_Iterations_AreThirtyThirtyAndTheRest(int iterations, int[] expected)
    {
        var stages = ApgdStage.LargeRadii(Epsilon, iterations);
        stages.Select(stage => stage.Iterations).Should().Equal(expected);
        double[] radii = expected.Length == 1 ? [Epsilon] : [3 * Epsilon, 2 * Epsilon, Epsilon];
        stages.Select(stage => stage.Radius).Should().Equal(radii);
        stages.Should().OnlyContain(stage => stage.StartIsGiven == (expected.Length == 3));
    }

    [Fact]
    public void Perturb_EveryStage_StartsAtTheBestPointBeforeProjectedToItsOwnRadius()
    {
        using var scope = NewDisposeScope();
        using var linear = TinyModels.Linear();
        var seen = new List<Tensor>();
        using var model = new FuncModel(x =>
        {
            seen.Add(x.detach().clone().DetachFromDisposeScope());
            // Too certain for any of the radii.
            return linear.call(x) + tensor(new[] { 50.0, 0, 0, 0 });
        }, linear);
        var images = TinyModels.Images(4, ScalarType.Float64, low: 0.3, high: 0.7);
        var threat = ThreatModel.L1(Epsilon);
        var attack = new ApgdAttack(threat, new ApgdOptions { Search = new() { Iterations = 10 } });
        attack.Perturb(model, images, zeros(4, ScalarType.Int64));

        // The clean images; then a start and the iterations of each stage.
        seen.Should().HaveCount(1 + 1 + 3 + 1 + 3 + 1 + 4);
        Lengths(1).Should().OnlyContain(length => Math.Abs(length - 3 * Epsilon) < 1e-9);
        Lengths(5).Should().OnlyContain(length => Math.Abs(length - 2 * Epsilon) < 1e-9);
        Lengths(9).Should().OnlyContain(length => Math.Abs(length - Epsilon) < 1e-9);
        TensorAssert.Close(seen[5], Projected(Best(1, 4), 2 * Epsilon), 1e-9);
        TensorAssert.Close(seen[9], Projected(Best(5, 8), Epsilon), 1e-9);

        double[] Lengths(int call) => TensorAssert.Values(threat.Distance(images, seen[call]));
        Tensor Projected(Tensor points, double radius) => ThreatModel.L1(radius).Project(images, points);
        Tensor Best(int from, int to) => stack([.. Enumerable.Range(0, 4).Select(row => Enumerable.Range(from, to - from + 1).Select(call => seen[call][row])
            .MaxBy(point => nn.functional.cross_entropy(linear.call(point.unsqueeze(0)) + tensor(new[] { 50.0, 0, 0, 0 }), tensor([0L])).ToDouble())!)]);
    }

    [Theory]
    [InlineData(false, 8)]
    [InlineData(true, 10)]
    public void Perturb_WithAndWithoutLargeRadii_CostsOneStartPerStage(bool large, int evaluations)
    {
        using var scope = NewDisposeScope();
        using var model = TinyModels.Linear();
        var images = TinyModels.Images(2, ScalarType.Float64);
        var labels = model.call(images).argmax(1);
        var counting = new CountingModel(model);
        var progress = new ListProgress<AttackProgress>();
        new ApgdAttack(ThreatModel.L1(1e-6), new ApgdOptions { Search = new() { Iterations = 7, UseLargeRadii = large } })
            .Perturb(counting, images, labels, new AttackContext { Progress = progress });
        counting.Forwards.Should().Equal(Enumerable.Repeat(2L, 1 + evaluations));
        progress.Reports.Select(report => report.Step).Should().Equal(Enumerable.Range(1, 7));
        progress.Reports.Should().OnlyContain(report => report.Steps == 7);
    }

    [Fact]
    public void Perturb_BrokenOnlyInAWiderBall_CountsForNothing()
    {
        using var scope = NewDisposeScope();
        // Needs an L1 length of 0.8, twice the radius: the wider stages pass it.
        using var model = new FuncModel(x =>
        {
            var score = (x - 0.5).flatten(1).sum([1]);
            return stack([score, -score], 1);
        });
        var images = full([2, 1, 4, 4], 0.55, ScalarType.Float64);
        var found = new ApgdAttack(ThreatModel.L1(Epsilon), new ApgdOptions { Search = new() { Iterations = 20 } }).Perturb(model, images, zeros(2, ScalarType.Int64));
        TensorAssert.Same(found, images);
    }
}

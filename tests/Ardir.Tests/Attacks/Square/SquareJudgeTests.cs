using Ardir.Attacks;
using Ardir.Core;

namespace Ardir.Tests;

/// <summary>Whose loss decides in the Square attack, and what becomes of candidates that are as good as the best point.</summary>
public sealed class SquareJudgeTests
{
    [Fact]
    public void Perturb_LossOfOnesOwn_DecidesInsteadOfTheMargin()
    {
        using var scope = NewDisposeScope();
        // From query to query the margin falls, as class 1 does, and the cross-entropy rises, as class 2 comes up.
        double[][] logits = [.. Enumerable.Range(0, 12).Select(i => new[] { 1, 1 - 0.01 * (i + 1), -50 + Math.Min(i * 5.0, 50), 0 })];
        foreach (var (loss, accepts) in new[] { (null, false), (AttackLoss.Margin, false), (AttackLoss.CrossEntropy, true) })
            Changes(logits, new SquareOptions { Queries = 11, Loss = loss }).Exists(count => count > 4 * 2).Should().Be(accepts);
    }

    // A margin of 1 in each of two evaluations, but for another class each time: the mean of the logits has the label in front.
    [Fact]
    public void Perturb_EotSamples_GoalIsThatOfTheMeanLogits()
    {
        using var scope = NewDisposeScope();
        // The clean image once, and then each point twice with the same mean loss: no candidate is ever better than the start.
        double[][] pair = [[0, 1, -3, -9], [0, -3, 1, -9]];
        double[][] logits = [[0, -1, -1, -9], .. Enumerable.Repeat(pair, 20).SelectMany(both => both)];
        Changes(logits, new SquareOptions { Queries = 16, Loss = AttackLoss.Margin }, samples: 2)
            .Should().OnlyContain(count => count <= 4 * 2);
    }

    [Fact]
    public void Perturb_CandidateAsGoodAsTheBest_IsRefusedWhateverOthersReach()
    {
        using var scope = NewDisposeScope();
        // The first sample ties at every point, which reaches the margin but not another class; the second never changes its loss.
        var seen = new List<Tensor>();
        using var model = new FuncModel(x =>
        {
            seen.Add(x.clone().DetachFromDisposeScope());
            var tied = (x.flatten(1).select(1, 0) < 0.5).to(ScalarType.Float64);
            return stack([ones_like(tied), tied], 1);
        });
        // The first pixel tells the samples apart: 0 and 1, which the box keeps apart by more than the radius.
        var images = full([2, 1, 12, 12], 0.5, ScalarType.Float64);
        images[0, 0, 0, 0] = 0;
        images[1, 0, 0, 0] = 1;
        var options = new SquareOptions { Queries = 30, InitialProbability = 0.02 };
        new SquareAttack(ThreatModel.L2(0.1), options).Perturb(model, images, zeros(2, ScalarType.Int64));
        seen.Should().HaveCount(1 + 30);
        // Two windows of side 3 are what a candidate may differ from the point that it was made of.
        int Differ(Tensor a, Tensor b) => (int)((a - b).abs() > 1e-3).sum().ToInt64();
        seen.Skip(2).Select(x => Differ(x[1], seen[1][1])).Should().OnlyContain(count => count <= 2 * 9);
        Differ(seen[^1][0], seen[1][0]).Should().BeGreaterThan(2 * 9);
    }

    [Fact]
    public void Perturb_RobustSample_IsSearchedInEveryRestart()
    {
        using var scope = NewDisposeScope();
        using var model = new LinearModel(TinyModels.Random([3, 16], 3, ScalarType.Float32, -1, 1), tensor(new[] { 100f, 0, 0 }));
        var counting = new CountingModel(model);
        new SquareAttack(ThreatModel.L2(0.5), new SquareOptions { Queries = 5, Restarts = 3 })
            .Perturb(counting, TinyModels.Images(2), zeros(2, ScalarType.Int64));
        counting.Forwards.Should().Equal(Enumerable.Repeat(2L, 1 + 3 * 5));
    }

    // In how many values each point differs from the start, where the model says the given logits one call after the other.
    private static List<long> Changes(double[][] logits, SquareOptions options, int samples = 1)
    {
        var seen = new List<Tensor>();
        using var model = new FuncModel(x =>
        {
            seen.Add(x.clone().DetachFromDisposeScope());
            return tensor(logits[Math.Min(seen.Count, logits.Length) - 1], [1, 4]);
        });
        var images = full([1, 2, 12, 12], 0.5, ScalarType.Float64);
        var attack = new SquareAttack(ThreatModel.Linf(0.1), options with { InitialProbability = 0.02 });
        new EotAttack(attack, samples).Perturb(model, images, zeros(1, ScalarType.Int64));
        var changes = seen.Skip(2).Select(points => (points != seen[1]).sum().ToInt64()).ToList();
        foreach (var points in seen) points.Dispose();
        return changes;
    }
}

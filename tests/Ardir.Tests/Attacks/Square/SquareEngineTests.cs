using Ardir.Attacks;
using Ardir.Core;

namespace Ardir.Tests;

/// <summary>Which candidates the Square attack keeps when its loss and its goal say different things.</summary>
public sealed class SquareEngineTests
{
    private static readonly double[] _right = [1, 0.9, 0.9];     // cross-entropy 1.03, not broken
    private static readonly double[] _broken = [0, 0.1, -10];    // cross-entropy 0.74, broken

    [Theory]
    [InlineData(PerturbationNorm.Linf)]
    [InlineData(PerturbationNorm.L2)]
    [InlineData(PerturbationNorm.L1)]
    public void Perturb_GoalReachedWithALowerLoss_IsTaken(PerturbationNorm norm)
    {
        using var scope = NewDisposeScope();
        // The clean image, the start, a candidate that is worse, and one that is broken although its loss is lower than any.
        var (found, seen) = Run(norm, [_right, _right, [2, 0, 0], _broken], AttackLoss.CrossEntropy, queries: 10);
        seen.Should().HaveCount(4, "a broken sample is done");
        TensorAssert.Same(found, seen[3]);
        TensorAssert.Different(seen[3], seen[1]);
    }

    [Fact]
    public void Perturb_TieAtTheTopThatTheLabelWins_ReachesTheMarginButIsNotBroken()
    {
        using var scope = NewDisposeScope();
        // A margin of exactly zero: accepted, and then the lowest class decides.
        var (found, seen) = Run(PerturbationNorm.L2, [_right, _right, [1, 1, 0]], AttackLoss.CrossEntropy, queries: 5);
        seen.Should().HaveCount(1 + 5);
        TensorAssert.Same(found, full_like(found, 0.5));
    }

    [Fact]
    public void Perturb_StartThatIsBroken_IsTheResult()
    {
        using var scope = NewDisposeScope();
        var (found, seen) = Run(PerturbationNorm.L2, [_right, _broken], AttackLoss.CrossEntropy, queries: 10);
        seen.Should().HaveCount(2);
        TensorAssert.Same(found, seen[1]);
    }

    [Fact]
    public void Perturb_WithinEot_JudgesByTheMeanOfLossAndLogits()
    {
        using var scope = NewDisposeScope();
        // The clean image is looked at once, everything else twice. Broken once and right once is broken only if the mean of the logits is.
        double[] far = [0, 3, 0], near = [2, 0, 0], close = [0, 1, 0];
        var (found, seen) = Run(PerturbationNorm.L2, [_right, _right, _right, near, close, near, far], AttackLoss.Margin, queries: 10, eot: 2);
        seen.Should().HaveCount(1 + 2 + 2 + 2);
        TensorAssert.Same(seen[6], seen[5]);
        TensorAssert.Same(found, seen[6]);
    }

    [Fact]
    public void Perturb_WithinEot_AcceptsByTheMeanOfTheLoss()
    {
        using var scope = NewDisposeScope();
        // The clean image, then two margins for each point: means of -4, -3, -3.5, -2.5, -3.25, -2.4, -2.45.
        double[] margins = [-5, -4, -4, -3, -3, -1, -6, -4, -1, -6, -0.5, -2.4, -2.4, -2, -2.9];
        var (_, seen) = Run(PerturbationNorm.Linf, [.. margins.Select(margin => new[] { -margin, 0, -100 })], AttackLoss.Margin, queries: 7, eot: 2);
        seen.Should().HaveCountGreaterThan(10).And.HaveCountLessThanOrEqualTo(margins.Length);
        var (best, highest) = (seen[1], -4.0);
        for (var call = 3; call < seen.Count; call += 2)
        {
            // One window of side 2 in two channels away from the best point so far.
            (seen[call] != best).sum().ToInt64().Should().BeInRange(1, 8, "call {0} starts at the best point so far", call);
            TensorAssert.Same(seen[call + 1], seen[call]);
            var mean = (margins[call] + margins[call + 1]) / 2;
            if (mean > highest) (best, highest) = (seen[call], mean);
        }
    }

    // What the model says in each call, again and again the last.
    private static (Tensor Found, List<Tensor> Seen) Run(PerturbationNorm norm, double[][] logits, IAttackLoss loss, int queries, int eot = 1)
    {
        var seen = new List<Tensor>();
        using var model = new FuncModel(x =>
        {
            // Into the test's scope, beyond those of the attack.
            seen.Add(x.clone().DetachFromDisposeScope());
            return tensor(logits[Math.Min(seen.Count, logits.Length) - 1], [1, 3]);
        });
        var images = full([1, 2, 12, 12], 0.5, ScalarType.Float64);
        var options = new SquareOptions { Queries = queries, InitialProbability = 0.02, Loss = loss };
        var found = new EotAttack(new SquareAttack(Balls.Of(norm, norm == PerturbationNorm.Linf ? 0.1 : 1), options), eot).Perturb(model, images, tensor([0L]));
        return (found, seen);
    }
}

using Ardir.Attacks;
using Ardir.Core;

namespace Ardir.Tests;

/// <summary>FAB on boundaries that a script puts where it likes: when it gives up, where it starts again, what it tries on the last segment.</summary>
public sealed class FabScriptTests
{
    private const double Epsilon = 0.05;

    // 60 iterations, three intervals, are left at the second check. The distances are those of the 20th and of the 40th iteration.
    [Theory]
    [InlineData(0.2, 0.18, true)]     // three times the reduction of 0.02 reaches 0, once 0.12 and twice 0.06
    [InlineData(0.2, 0.188, false)]   // three times the reduction of 0.012 reaches 0.08, four times would 0.044
    [InlineData(0.065, 0.065, true)]    // no reduction: 8 % of the distance each time reach 0.0494, 7 % would 0.0514
    [InlineData(0.067, 0.067, false)]   // 8 % reach 0.0509, 9 % would 0.0489
    public void Search_FortyIterations_GoesOnOnlyWhereThreeTimesThePaceReachesTheBall(double twentieth, double fortieth, bool goesOn)
    {
        // From then on the distance stays the same, which the third check notices.
        Iterations(100, call => call < 22 ? twentieth : fortieth, giveUp: true).Should().Be(goesOn ? 60 : 40);
        Iterations(100, call => call < 22 ? twentieth : fortieth, giveUp: false).Should().Be(100);
    }

    [Fact]
    public void Search_NoSuccessInTheFirstTwenty_HasNoPaceAndGoesOn()
    {
        // Beyond the reach of the script's steps until the 30th iteration: only then is there a distance.
        Iterations(45, _ => 0.3, giveUp: true, deaf: 30).Should().Be(45);
    }

    [Fact]
    public void Search_GivenUp_LeavesTheOthersAtWork()
    {
        using var scope = NewDisposeScope();
        var counts = new List<int>();
        // The first sample stays where it is, the second comes nearer and nearer.
        Search(2, 100, (call, row) => row == 0 || call < 22 ? 0.2 : 0.15, giveUp: true, counts.Add);
        counts[..42].Should().OnlyContain(count => count == 2);
        counts[42..].Should().OnlyContain(count => count == 1);
    }

    [Fact]
    public void Search_FirstPointInsideTheBall_LeavesAtOnce()
    {
        using var scope = NewDisposeScope();
        var counts = new List<int>();
        Search(2, 10, (_, row) => row == 0 ? 0.03 : 0.2, giveUp: true, counts.Add);
        // The start, the first iteration, the point nearer to the image of the only sample that goes on, and its other iterations but the last, which is only tried.
        counts.Should().Equal([2, 2, .. Enumerable.Repeat(1, 9)]);
    }

    [Fact]
    public void Perturb_Float64_IsSearchedInFloat64()
    {
        using var scope = NewDisposeScope();
        // The boundary is at 0.37, from 0.2 a step of 0.17 and a twentieth of it beyond.
        using var model = new FuncModel(x =>
        {
            var score = x.flatten(1).select(1, 0) - 0.37;
            return stack([-score, score], 1);
        });
        var images = full([1, 1, 1, 1], 0.2, ScalarType.Float64);
        foreach (IAttack attack in new IAttack[]
        {
            new FabAttack(ThreatModel.Linf(1), new FabOptions { Iterations = 1, MinimiseNorm = true }),
            new TargetedFabAttack(ThreatModel.Linf(1), new TargetedFabOptions { Search = new() { Iterations = 1, MinimiseNorm = true } }),
        })
            TensorAssert.Close(attack.Perturb(model, images, zeros(1, ScalarType.Int64)), [0.2 + 1.05 * 0.17], 1e-15);
    }

    [Theory]
    [InlineData(PerturbationNorm.Linf)]
    [InlineData(PerturbationNorm.L2)]
    [InlineData(PerturbationNorm.L1)]
    public void Perturb_SecondRestart_StartsHalfTheRadiusAway(PerturbationNorm norm)
    {
        using var scope = NewDisposeScope();
        using var linear = new LinearModel(TinyModels.Random([3, 16], 3, ScalarType.Float64, -1, 1), tensor(new[] { 100.0, 0, 0 }));
        var seen = new List<Tensor>();
        using var model = new FuncModel(x =>
        {
            seen.Add(x.detach().clone().DetachFromDisposeScope());
            return linear.call(x);
        }, linear);
        var images = full([4, 1, 4, 4], 0.5, ScalarType.Float64);
        var threat = Balls.Of(norm, 0.3);
        foreach (IAttack attack in new IAttack[]
        {
            new FabAttack(threat, new FabOptions { Iterations = 2, Restarts = 3 }),
            new TargetedFabAttack(threat, new TargetedFabOptions { Search = new() { Iterations = 2, Restarts = 3 }, Classes = 1 }),
        })
        {
            seen.Clear();
            attack.Perturb(model, images, zeros(4, ScalarType.Int64));
            // The clean pass; then each restart's start and two iterations.
            seen.Should().HaveCount(1 + 3 * 3);
            TensorAssert.Same(seen[1], images);
            TensorAssert.Values(threat.Distance(images, seen[4])).Should().OnlyContain(length => Math.Abs(length - 0.15) < 1e-12);
            TensorAssert.Values(threat.Distance(images, seen[7])).Should().OnlyContain(length => Math.Abs(length - 0.15) < 1e-12);
            TensorAssert.Different(seen[4], seen[7]);
        }
    }

    // The boundary of x^2 = 1/4 from 0.2 and 1: three times where the chord crosses zero and one hundredth of the rest beyond, each of them still on the near side.
    // From 0.45 and 0.55 the second is beyond. From the boundary itself, which the label still wins: halfway, three times.
    [Theory]
    [InlineData(0.2, 1, new[] { 0.38125, 0.46244343891402717, 0.49228805693069305 }, 1)]
    [InlineData(0.45, 0.55, new[] { 0.498025, 0.5004067173970087, 0.5000032706906687 }, 0.5000032706906687)]
    [InlineData(0.5, 1, new[] { 0.75, 0.625, 0.5625 }, 0.5625)]
    public void Improve_ParabolaInOnePixel_TriesThePointsComputedByHand(double image, double far, double[] tried, double best)
    {
        using var scope = NewDisposeScope();
        var seen = new List<double>();
        using var model = new FuncModel(x =>
        {
            seen.Add(x.ToDouble());
            var value = x.flatten(1).square() - 0.25;
            return cat([zeros_like(value), value], 1);
        });
        var images = tensor([image], [1, 1, 1, 1]);
        new ProbeAttack(ThreatModel.Linf(1), run =>
        {
            run = run.WithCleanLogits(run.Logits(run.Images));
            var (found, distance) = (tensor([far], [1, 1, 1, 1]), tensor([far - image]));
            FabFinalSearch.Improve(run, found, distance);
            found.ToDouble().Should().BeApproximately(best, 1e-13);
            distance.ToDouble().Should().BeApproximately(best - image, 1e-13);
            return found;
        }).Perturb(model, images, zeros(1, ScalarType.Int64));
        seen.Should().HaveCount(2 + 3).And.StartWith([image, far]);
        for (var i = 0; i < 3; i++) seen[2 + i].Should().BeApproximately(tried[i], 1e-13);
    }

    [Theory]
    [InlineData(PerturbationNorm.Linf, 1)]   // by the sum of the sizes: 4 against 3
    [InlineData(PerturbationNorm.L2, 0)]     // by the length: 2.83 against 3
    [InlineData(PerturbationNorm.L1, 0)]     // by the largest: 2 against 3
    public void Nearest_EqualValues_IsTheBoundaryWithTheLargerDualNorm(PerturbationNorm norm, int expected)
    {
        using var scope = NewDisposeScope();
        using var model = new LinearModel(tensor(new[] { 0.0, 0, 3, 0, 2, 2 }, [3, 2]), tensor(new[] { 5.0, 0, 0 }));
        var images = zeros([1, 1, 1, 2], ScalarType.Float64);
        new ProbeAttack(Balls.Of(norm, 0.5), run =>
        {
            foreach (var classes in new[] { new[] { 1L, 2L }, [2L, 1L] })
            {
                var plane = FabPlane.Nearest(run, run.Images, tensor(classes, [1, 2]));
                plane.Value.ToDouble().Should().Be(-5);
                TensorAssert.Values(plane.Normal).Should().Equal(expected == 0 ? [3, 0] : [2, 2]);
            }
            return run.Images;
        }).Perturb(model, images, zeros(1, ScalarType.Int64));
    }

    // The iteration that made the last report.
    private static int Iterations(int iterations, Func<int, double> distance, bool giveUp, int deaf = 0)
    {
        using var scope = NewDisposeScope();
        var progress = new ListProgress<AttackProgress>();
        Search(1, iterations, (call, _) => distance(call), giveUp, _ => { }, progress, deaf);
        return progress.Reports[^1].Step;
    }

    /// <summary>Of two pixels the first moves, the second numbers the image. Every other value than the image's own is adversarial (from an iteration on), and the
    /// boundary is always seen at the scripted distance, so that every iteration ends exactly there (without overshoot).</summary>
    private static void Search(
        int count, int iterations, Func<int, int, double> distance, bool giveUp, Action<int> counted, ListProgress<AttackProgress>? progress = null, int deaf = 0)
    {
        progress ??= new ListProgress<AttackProgress>();
        var calls = 0;
        var images = tensor([.. Enumerable.Range(0, count).SelectMany(row => new[] { 0.3, row / 10.0 })], [count, 1, 1, 2]);
        using var model = new FuncModel(x =>
        {
            var moved = ((x.flatten(1).select(1, 0) - 0.3).abs() > 1e-6).to(ScalarType.Float64);
            return stack([zeros_like(moved), progress.Reports.Count + 1 < deaf ? moved - 2 : moved - 0.5], 1);
        });
        var ran = false;
        new ProbeAttack(ThreatModel.Linf(Epsilon), run =>
        {
            run = run.WithCleanLogits(run.Logits(run.Images));
            FabPlane Linearise(AttackRun active, Tensor points)
            {
                counted(active.Count);
                var rows = TensorAssert.Values(active.Images.flatten(1).select(1, 1)).Select(value => (int)Math.Round(value * 10));
                var target = tensor([.. rows.Select(row => 0.3 + distance(calls, row))]);
                calls++;
                return new FabPlane(active.Logits(points), points.flatten(1).select(1, 0) - target, tensor(new[] { 1.0, 0 }, [1, 1, 1, 2]).expand_as(points).clone());
            }

            var options = new FabOptions { Iterations = iterations, Eta = 1, GiveUp = giveUp };
            FabEngine.Search(run, options, Linearise, new FabUnit("script", 0, 0));
            ran = true;
            return run.Images;
        }).Perturb(model, images, zeros(count, ScalarType.Int64), new AttackContext { Progress = progress });
        ran.Should().BeTrue();
    }
}

using Ardir.Attacks;
using Ardir.Core;

namespace Ardir.Tests;

public sealed class SquareAttackTests
{
    public static TheoryData<PerturbationNorm> Norms => [.. Enum.GetValues<PerturbationNorm>()];

    [Theory]
    [MemberData(nameof(Norms))]
    public void Perturb_RobustSamples_CostTheQueriesAndTheCleanForward(PerturbationNorm norm)
    {
        using var scope = NewDisposeScope();
        using var model = new LinearModel(TinyModels.Random([3, 16], 3, ScalarType.Float32, -1, 1), tensor(new[] { 100f, 0, 0 }));
        var counting = new CountingModel(model);
        var progress = new ListProgress<AttackProgress>();
        var images = TinyModels.Images(3);
        var found = new SquareAttack(Balls.Of(norm, 0.5), new SquareOptions { Queries = 70 }).Perturb(
            counting, images, zeros(3, ScalarType.Int64), new AttackContext { Progress = progress });
        // A window of Linf that changes nothing for a sample costs it nothing; those of the other norms always change something.
        if (norm == PerturbationNorm.Linf) counting.SampleForwards.Should().BeInRange(3 * 30, 3 * 60);
        else counting.Forwards.Should().Equal(Enumerable.Repeat(3L, 71));
        counting.Forwards[..2].Should().Equal(3L, 3L);
        counting.Backwards.Should().BeEmpty();
        progress.Reports.Select(report => report.Step).Should().Equal(Enumerable.Range(1, 70));
        TensorAssert.Same(found, images);
    }

    [Theory]
    [MemberData(nameof(Norms))]
    public void Perturb_BrokenSamples_LeaveAtOnce(PerturbationNorm norm)
    {
        using var scope = NewDisposeScope();
        using var model = TinyModels.Smooth();
        model.eval();
        var images = TinyModels.Images(12);
        var labels = model.call(images).argmax(1);
        var counting = new CountingModel(model);
        var progress = new ListProgress<AttackProgress>();
        var threat = Balls.Of(norm, norm switch { PerturbationNorm.Linf => 0.1, PerturbationNorm.L2 => 0.3, _ => 0.8 });
        var found = new SquareAttack(threat, new SquareOptions { Queries = 200 }).Perturb(counting, images, labels, new AttackContext { Progress = progress });
        TensorAssert.AllTrue(threat.Contains(images, found));
        var broken = (model.call(found).argmax(1) != labels).sum().ToInt64();
        broken.Should().BePositive();
        counting.Forwards[0].Should().Be(12);
        var active = progress.Reports.Select(report => (long)report.Active).ToArray();
        active.Should().BeInDescendingOrder().And.EndWith(12 - broken).And.HaveCount(200);
        if (norm == PerturbationNorm.Linf) counting.SampleForwards.Should().BeLessThan(12 + active.Sum());
        else counting.Forwards.Should().BeInDescendingOrder().And.EndWith(12 - broken);
    }

    [Fact]
    public void Perturb_ScriptedModel_AcceptsStrictlyBetterOnly()
    {
        using var scope = NewDisposeScope();
        // The margin of each query is scripted; the point that a query starts from shows whether the candidate before was accepted.
        double[] margins = [-5, -5, -4, -4.5, -4, -3, -6, -3, -2];
        var seen = new List<Tensor>();
        using var model = new FuncModel(x =>
        {
            seen.Add(x.clone().DetachFromDisposeScope());
            var margin = margins[Math.Min(seen.Count - 1, margins.Length - 1)];
            return tensor(new[] { -margin, 0.0 }, [1, 2]);
        });
        var images = full([1, 1, 12, 12], 0.5, ScalarType.Float64);
        // Small windows: no candidate can hide all traces of the ones before.
        var options = new SquareOptions { Queries = margins.Length - 1, InitialProbability = 0.02 };
        new SquareAttack(ThreatModel.Linf(0.1), options).Perturb(model, images, tensor([0L]));
        var best = seen[1];
        for (var query = 2; query < seen.Count; query++)
        {
            // What changes lies in one window of side 2.
            var changed = (seen[query] != best).nonzero();
            changed.shape[0].Should().BeLessThanOrEqualTo(4);
            if (margins[query] > margins[1..query].Max()) best = seen[query];
        }
        seen.ForEach(points => points.Dispose());
    }

    [Fact]
    public void Perturb_LinfWindowThatChangesNothing_IsNotEvaluated()
    {
        using var scope = NewDisposeScope();
        var (best, bestMargin, candidates) = ((Tensor?)null, double.PositiveInfinity, 0);
        using var model = new FuncModel(x =>
        {
            var margin = 200 - x.flatten(1).cos().sum(1).ToDouble();
            if (++candidates > 1)
            {
                if (best is not null) TensorAssert.Different(x, best);
                if (margin < bestMargin) (best, bestMargin) = (x.clone().DetachFromDisposeScope(), margin);
            }
            return tensor(new[] { margin, 0 }, [1, 2]);
        });
        var images = TinyModels.Random([1, 1, 12, 12], 4, ScalarType.Float64);
        new SquareAttack(ThreatModel.Linf(0.2), new SquareOptions { Queries = 300 }).Perturb(model, images, zeros(1, ScalarType.Int64));
        candidates.Should().BeInRange(150, 290);
        best!.Dispose();
    }

    [Fact]
    public void Perturb_MarginOfZeroThatIsATie_IsNotYetBroken()
    {
        using var scope = NewDisposeScope();
        var images = full([2, 1, 4, 4], 0.5, ScalarType.Float64);
        var calls = 0;
        // Sample 0 ties with the label first, sample 1 with the label last: only there does the tie change the class.
        using var model = new FuncModel(x => x.shape[0] == 2 && calls++ == 0
            ? tensor(new[] { 1.0, 0, 0, 1.0 }, [2, 2])
            : zeros([x.shape[0], 2], ScalarType.Float64));
        var counting = new CountingModel(model);
        var found = new SquareAttack(ThreatModel.Linf(0.1), new SquareOptions { Queries = 5 }).Perturb(counting, images, tensor([0L, 1L]));
        counting.Forwards[..3].Should().Equal(2L, 2L, 1L);
        counting.Forwards[2..].Should().OnlyContain(count => count == 1);
        TensorAssert.Same(found[0], images[0]);
        TensorAssert.Different(found[1], images[1]);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Windows_LastRowAndColumn_CoveredOnlyIfNotOfficial(bool official)
    {
        using var scope = NewDisposeScope();
        var options = new SquareOptions { OfficialWindows = official };
        foreach (var odd in new[] { false, true })
        {
            using var draws = new SquareDraws(options, odd, 2, 9, 11);
            var streams = SampleStreams.ForSamples(1, null, 5);
            var covered = zeros(5, 2 * 9 * 11);
            var before = draws.Side(11);
            for (var query = 11; query < 700; query++)
            {
                using var each = NewDisposeScope();
                var window = draws.Next(query, () => streams, CPU);
                foreach (var at in new[] { window.First, window.Second })
                {
                    at.shape.Should().Equal(5, 2L * draws.Side(query) * draws.Side(query));
                    covered.scatter_(1, at, ones_like(at, dtype: ScalarType.Float32));
                }
                window.Up.max().ToInt64().Should().BeLessThanOrEqualTo(1);
                window.Up.min().ToInt64().Should().BeGreaterThanOrEqualTo(0);
            }
            before.Should().BeGreaterThan(draws.Side(600));
            var map = covered.reshape(5, 2, 9, 11);
            map.narrow(2, 0, 8).narrow(3, 0, 10).min().ToDouble().Should().Be(1);
            foreach (var edge in new[] { map.select(2, 8), map.select(3, 10) })
                edge.max().ToDouble().Should().Be(official ? 0 : 1);
        }
    }

    [Fact]
    public void Perturb_AnyImageSize_NeverFails()
    {
        foreach (var norm in Enum.GetValues<PerturbationNorm>())
        {
            for (var height = 1; height <= 24; height++)
            {
                using var scope = NewDisposeScope();
                var width = (height * 7 + 3) % 25 + 1;
                foreach (var (h, w) in new[] { (height, height), (height, width) })
                {
                    using var model = new FuncModel(x => stack(new[] { x.flatten(1).sum(1) * 0 + 1, x.flatten(1).sum(1) * 0 }, 1));
                    var images = TinyModels.Random([1, 2, h, w], 4, ScalarType.Float32).repeat(2, 1, 1, 1);
                    var threat = Balls.Of(norm, 0.3);
                    var calls = 0;
                    using var watching = new FuncModel(x =>
                    {
                        calls++;
                        TensorAssert.AllTrue(threat.Contains(images.narrow(0, 0, x.shape[0]), x));
                        return model.call(x);
                    });
                    new SquareAttack(threat, new SquareOptions { Queries = 14, RescaleSchedule = true }).Perturb(watching, images, zeros(2, ScalarType.Int64));
                    if (norm == PerturbationNorm.Linf) calls.Should().BeInRange(2, 15);
                    else calls.Should().Be(15);
                }
            }
        }
    }

    [Theory]
    [MemberData(nameof(Norms))]
    public void Perturb_MiddleOfTheBox_UsesTheWholeRadius(PerturbationNorm norm)
    {
        using var scope = NewDisposeScope();
        var threat = Balls.Of(norm, norm == PerturbationNorm.L1 ? 2 : 0.3);
        var images = TinyModels.Random([1, 3, 10, 10], 4, ScalarType.Float64, 0.4, 0.6).repeat(3, 1, 1, 1);
        var lengths = new List<double>();
        using var model = new FuncModel(x =>
        {
            lengths.AddRange(TensorAssert.Values(threat.Distance(images.narrow(0, 0, x.shape[0]), x)));
            return stack(new[] { ones(x.shape[0]), x.flatten(1).cos().sum(1).to(ScalarType.Float32) * 1e-3 }, 1);
        });
        new SquareAttack(threat, new SquareOptions { Queries = 60 }).Perturb(model, images, zeros(3, ScalarType.Int64));
        lengths[3..].Should().OnlyContain(length => length > threat.Epsilon * (1 - 1e-5) && length <= threat.Epsilon * (1 + 1e-9));
    }

    [Fact]
    public void Perturb_WithTargets_ReachesThem()
    {
        using var scope = NewDisposeScope();
        using var model = TinyModels.Linear();
        var images = TinyModels.Images(6, ScalarType.Float64);
        var labels = model.call(images).argmax(1);
        var context = new AttackContext { Targets = (labels + 1).remainder(4) };
        var found = new SquareAttack(ThreatModel.Linf(1), new SquareOptions { Queries = 500 }).Perturb(model, images, labels, context);
        (model.call(found).argmax(1) == context.Targets).sum().ToInt64().Should().BeGreaterThanOrEqualTo(5);
    }

    [Fact]
    public void Perturb_ModelWithoutGradient_StillApplies()
    {
        using var scope = NewDisposeScope();
        using var linear = TinyModels.Linear();
        using var model = new FuncModel(x => linear.call(x.detach()).detach(), linear);
        var images = TinyModels.Images(6, ScalarType.Float64);
        var labels = linear.call(images).argmax(1);
        var found = new SquareAttack(ThreatModel.Linf(0.5), new SquareOptions { Queries = 100 }).Perturb(model, images, labels);
        (linear.call(found).argmax(1) != labels).sum().ToInt64().Should().BePositive();
    }

    [Fact]
    public void Options_OutOfRange_NameThemselves()
    {
        foreach (var (options, name) in new[]
        {
            (new SquareOptions { Queries = 0 }, "Queries"), (new SquareOptions { Restarts = 0 }, "Restarts"),
            (new SquareOptions { InitialProbability = 0 }, "InitialProbability"), (new SquareOptions { InitialProbability = 1.1 }, "InitialProbability"),
        })
        {
            var act = () => new SquareAttack(ThreatModel.L2(1), options);
            act.Should().Throw<ArgumentOutOfRangeException>().WithParameterName(name);
        }
    }
}

using Ardir.Attacks;
using Ardir.Core;

namespace Ardir.Tests;

public sealed class FabAttackTests
{
    private static readonly double[] _wide = [1, 64, 64];

    [Theory]
    [InlineData(PerturbationNorm.Linf)]
    [InlineData(PerturbationNorm.L2)]
    [InlineData(PerturbationNorm.L1)]
    public void Perturb_LinearModel_ComesWithinFivePercentOfTheBoundary(PerturbationNorm norm)
    {
        using var scope = NewDisposeScope();
        using var model = TinyModels.Linear();
        var images = TinyModels.Images(8, ScalarType.Float64, low: 0.3, high: 0.7);
        var labels = model.call(images).argmax(1);
        var distances = BoundaryDistances(norm, model, images, labels);
        distances.Should().OnlyContain(d => d > 0.001);
        var threat = Balls.Of(norm, _wide[(int)norm]);
        foreach (IAttack attack in new IAttack[]
        {
            new FabAttack(threat, new FabOptions { Iterations = 30, MinimiseNorm = true }),
            new TargetedFabAttack(threat, new TargetedFabOptions { Search = new() { Iterations = 30, MinimiseNorm = true }, Classes = 1 }),
        })
        {
            var found = attack.Perturb(model, images, labels);
            var lengths = TensorAssert.Values(threat.Distance(images, found));
            // The second logit is not always the nearest boundary, so only the untargeted form must find the distance itself.
            for (var i = 0; i < lengths.Length; i++)
            {
                lengths[i].Should().BeGreaterThan(distances[i] * (1 - 1e-9));
                if (attack is FabAttack) lengths[i].Should().BeLessThanOrEqualTo(distances[i] * 1.05 + 1e-9);
            }
            TensorAssert.AllTrue(model.call(found).argmax(1) != labels);
        }
    }

    [Theory]
    [InlineData(PerturbationNorm.Linf)]
    [InlineData(PerturbationNorm.L2)]
    [InlineData(PerturbationNorm.L1)]
    public void Perturb_LinearModelWithRadiusBesideTheBoundary_BreaksExactlyThoseWithinReach(PerturbationNorm norm)
    {
        using var scope = NewDisposeScope();
        using var model = TinyModels.Linear();
        var images = TinyModels.Images(8, ScalarType.Float64, low: 0.3, high: 0.7);
        var labels = model.call(images).argmax(1);
        var distances = BoundaryDistances(norm, model, images, labels);
        var sorted = distances.Order().ToArray();
        var radius = Math.Min(1, (sorted[3] + sorted[4]) / 2);
        var threat = Balls.Of(norm, radius);
        foreach (IAttack attack in new IAttack[] { new FabAttack(threat), new TargetedFabAttack(threat) })
        {
            var found = attack.Perturb(model, images, labels);
            var broken = (model.call(found).argmax(1) != labels).data<bool>().ToArray();
            broken.Should().Equal(distances.Select(d => d < radius));
            for (var i = 0; i < 8; i++)
                if (!broken[i]) TensorAssert.Same(found[i], images[i]);
        }
    }

    [Fact]
    public void Perturb_FinalSearch_OnlyComesNearer()
    {
        using var scope = NewDisposeScope();
        using var model = TinyModels.Smooth(dtype: ScalarType.Float64);
        model.eval();
        var images = TinyModels.Images(8, ScalarType.Float64);
        var labels = model.call(images).argmax(1);
        foreach (var norm in Enum.GetValues<PerturbationNorm>())
        {
            var threat = Balls.Of(norm, _wide[(int)norm]);
            var options = new FabOptions { Iterations = 3, MinimiseNorm = true };
            var plain = new FabAttack(threat, options).Perturb(model, images, labels);
            var searched = new FabAttack(threat, options with { FinalSearch = true }).Perturb(model, images, labels);
            TensorAssert.AllTrue(model.call(searched).argmax(1) != labels);
            var gain = threat.Distance(images, plain) - threat.Distance(images, searched);
            gain.min().ToDouble().Should().BeGreaterThanOrEqualTo(-1e-12);
            gain.max().ToDouble().Should().BePositive();
        }
    }

    [Fact]
    public void Perturb_SamplesOutOfReach_CostOneEvaluationPerIterationUntilTheFirstSuccess()
    {
        using var scope = NewDisposeScope();
        // One class leads by more than the box can take away.
        using var model = new LinearModel(TinyModels.Random([3, 16], 3, ScalarType.Float64, -1, 1), tensor(new[] { 100.0, 0, 0 }));
        var counting = new CountingModel(model);
        var attack = new TargetedFabAttack(ThreatModel.Linf(0.1), new TargetedFabOptions { Search = new() { Iterations = 20 }, Classes = 1 });
        attack.Perturb(counting, TinyModels.Images(3, ScalarType.Float64), zeros(3, ScalarType.Int64));
        counting.Forwards.Should().Equal(Enumerable.Repeat(3L, 1 + 1 + 20));   // clean, start, one per iteration
        counting.Backwards.Should().Equal(Enumerable.Repeat(3L, 20));          // the last point is only tried
    }

    [Fact]
    public void Perturb_SamplesThatSucceedOutsideTheBall_CostTwoForwardsAndOneBackwardPerIteration()
    {
        using var scope = NewDisposeScope();
        using var model = TinyModels.Linear();
        var images = TinyModels.Images(3, ScalarType.Float64, low: 0.3, high: 0.7);
        var labels = model.call(images).argmax(1);
        var counting = new CountingModel(model);
        new TargetedFabAttack(ThreatModel.Linf(1e-4), new TargetedFabOptions { Search = new() { Iterations = 50, GiveUp = false }, Classes = 1 }).Perturb(counting, images, labels);
        counting.SampleForwards.Should().BeInRange(3 * 52, 3 * 105);
        counting.SampleBackwards.Should().BeInRange(3 * 50, 3 * 55);
    }

    [Theory]
    [InlineData(PerturbationNorm.Linf)]
    [InlineData(PerturbationNorm.L2)]
    [InlineData(PerturbationNorm.L1)]
    public void Perturb_FarOutsideTheBall_GivesUpAfterFortyIterationsAndNotBefore(PerturbationNorm norm)
    {
        using var scope = NewDisposeScope();
        using var model = TinyModels.Linear();
        var images = TinyModels.Images(3, ScalarType.Float64, low: 0.3, high: 0.7);
        var labels = model.call(images).argmax(1);
        (long Forwards, Tensor Found) Run(double epsilon, TargetedFabOptions options)
        {
            var counting = new CountingModel(model);
            var found = new TargetedFabAttack(Balls.Of(norm, epsilon), options with { Classes = 1 }).Perturb(counting, images, labels);
            return (counting.SampleForwards, found);
        }

        var forty = Run(1e-6, new TargetedFabOptions { Search = new() { Iterations = 40, GiveUp = false } });
        var hundred = Run(1e-6, new TargetedFabOptions { Search = new() { Iterations = 100 } });
        hundred.Forwards.Should().BeLessThanOrEqualTo(forty.Forwards + 3 * 2);
        Run(1e-6, new TargetedFabOptions { Search = new() { Iterations = 100, GiveUp = false } }).Forwards.Should().BeGreaterThan(2 * hundred.Forwards);
        Run(1e-6, new TargetedFabOptions { Search = new() { Iterations = 39 } }).Forwards.Should().Be(Run(1e-6, new TargetedFabOptions { Search = new() { Iterations = 39, GiveUp = false } }).Forwards);
        var nearest = Run(norm == PerturbationNorm.Linf ? 1 : 16, new TargetedFabOptions { Search = new() { MinimiseNorm = true } });
        TensorAssert.Same(nearest.Found, Run(norm == PerturbationNorm.Linf ? 1 : 16, new TargetedFabOptions { Search = new() { MinimiseNorm = true, GiveUp = false } }).Found);
        // What is in reach is found all the same.
        var reach = Balls.Of(norm, 1).Distance(images, nearest.Found).max().ToDouble() * 1.001;
        reach.Should().BePositive();
        TensorAssert.AllTrue(model.call(Run(reach, new TargetedFabOptions()).Found).argmax(1) != labels);
    }

    [Fact]
    public void Perturb_Untargeted_CostsOneBackwardPerWrongClass()
    {
        using var scope = NewDisposeScope();
        using var model = new LinearModel(TinyModels.Random([5, 16], 3, ScalarType.Float64, -1, 1), tensor(new[] { 100.0, 0, 0, 0, 0 }));
        var counting = new CountingModel(model);
        var progress = new ListProgress<AttackProgress>();
        new FabAttack(ThreatModel.L2(0.1), new FabOptions { Iterations = 4 }).Perturb(
            counting, TinyModels.Images(2, ScalarType.Float64), zeros(2, ScalarType.Int64), new AttackContext { Progress = progress });
        counting.SampleForwards.Should().Be(2 * (1 + 1 + 4));
        counting.SampleBackwards.Should().Be(2 * 4 * 4);
        progress.Reports[^1].SampleForwards.Should().Be(counting.SampleForwards);
        progress.Reports[^1].SampleBackwards.Should().Be(counting.SampleBackwards);
    }

    [Fact]
    public void Nearest_LinearModel_IsTheRowWithTheLeastDualDistance()
    {
        using var scope = NewDisposeScope();
        using var model = TinyModels.Linear(classes: 5);
        var images = TinyModels.Images(6, ScalarType.Float64);
        var labels = TinyModels.Labels(6, 5);
        foreach (var norm in Enum.GetValues<PerturbationNorm>())
        {
            new Probe(Balls.Of(norm, 0.5), run =>
            {
                var classes = (run.Labels.unsqueeze(1) + arange(1, 5)).remainder(5);
                var plane = FabPlane.Nearest(run, run.Images, classes);
                var logits = model.call(images);
                for (var i = 0; i < 6; i++)
                {
                    var y = labels[i].ToInt64();
                    var rows = Enumerable.Range(0, 5).Where(k => k != y).Select(k => (
                        Value: (logits[i, k] - logits[i, y]).ToDouble(), Normal: model.Weight[k] - model.Weight[y]));
                    var nearest = rows.MinBy(row => Math.Abs(row.Value) / ((NormThreatModel)run.Threat).MeasureDual(row.Normal.unsqueeze(0)).ToDouble());
                    plane.Value[i].ToDouble().Should().BeApproximately(nearest.Value, 1e-12);
                    TensorAssert.Close(plane.Normal[i].flatten(), nearest.Normal, 1e-12);
                }
            }).Perturb(model, images, labels);
        }
    }

    [Fact]
    public void Perturb_Restarts_BreakWhatTheFirstUnitCannot()
    {
        using var scope = NewDisposeScope();
        // Flat around the images: only a start beyond the plateau sees a slope.
        using var model = new FuncModel(x =>
        {
            var away = (x - 0.5).flatten(1).square().sum(1) - 0.02;
            return stack(new[] { zeros_like(away), nn.functional.relu(away) * 5 - 0.001 }, 1);
        });
        var images = full([4, 1, 4, 4], 0.5, ScalarType.Float64);
        var labels = zeros(4, ScalarType.Int64);
        var threat = ThreatModel.L2(0.3);
        TensorAssert.Same(new FabAttack(threat).Perturb(model, images, labels), images);
        var found = new FabAttack(threat, new FabOptions { Restarts = 3 }).Perturb(model, images, labels);
        TensorAssert.AllTrue(model.call(found).argmax(1) == 1);
    }

    [Fact]
    public void Perturb_WithTargets_ReachesThemOrSaysWhoCan()
    {
        using var scope = NewDisposeScope();
        using var model = TinyModels.Linear();
        var images = TinyModels.Images(6, ScalarType.Float64);
        var labels = model.call(images).argmax(1);
        var context = new AttackContext { Targets = (labels + 1).remainder(4) };
        var found = new FabAttack(ThreatModel.L2(4)).Perturb(model, images, labels, context);
        TensorAssert.AllTrue(model.call(found).argmax(1) == context.Targets);
        var act = () => new TargetedFabAttack(ThreatModel.L2(4)).Perturb(model, images, labels, context);
        act.Should().Throw<InvalidOperationException>().WithMessage("*context.Targets*FabAttack*");
    }

    [Fact]
    public void Options_OutOfRange_NameThemselves()
    {
        var threat = ThreatModel.L2(1);
        foreach (var (options, name) in new[]
        {
            (new FabOptions { Iterations = 0 }, "Iterations"), (new FabOptions { Restarts = 0 }, "Restarts"), (new FabOptions { AlphaMax = 1.5 }, "AlphaMax"),
            (new FabOptions { Eta = 0.9 }, "Eta"), (new FabOptions { Beta = 1 }, "Beta"),
        })
        {
            var act = () => new FabAttack(threat, options);
            act.Should().Throw<ArgumentOutOfRangeException>().WithParameterName(name);
        }
        var targeted = () => new TargetedFabAttack(threat, new TargetedFabOptions { Classes = 0 });
        targeted.Should().Throw<ArgumentOutOfRangeException>().WithParameterName("Classes");
    }

    // |f| / dual norm to the nearest class; the images are far enough from the edges of the box for the first crossing.
    private static double[] BoundaryDistances(PerturbationNorm norm, LinearModel model, Tensor images, Tensor labels)
    {
        var logits = model.call(images);
        var ball = Balls.Of(norm, 0.5).Ball;
        var distances = new double[images.shape[0]];
        for (var i = 0; i < distances.Length; i++)
        {
            var y = labels[i].ToInt64();
            distances[i] = Enumerable.Range(0, (int)logits.shape[1]).Where(k => k != y).Min(k =>
            {
                var normal = (model.Weight[k] - model.Weight[y]).unsqueeze(0);
                var move = Hyperplane.Move(norm, images[i].reshape(1, 1, -1), normal, (logits[i, k] - logits[i, y]).reshape(1, 1, 1));
                return ball.Norm(move[0]).ToDouble();
            });
        }
        return distances;
    }

    private sealed class Probe(ThreatModel threat, Action<AttackRun> body) : Attack(threat)
    {
        public override string Name => "probe";

        protected override Tensor Search(AttackRun run)
        {
            body(run);
            return run.Images;
        }
    }
}

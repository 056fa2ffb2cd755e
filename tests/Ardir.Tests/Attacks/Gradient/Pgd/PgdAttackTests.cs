using Ardir.Attacks;
using Ardir.Core;

namespace Ardir.Tests;

public sealed class PgdAttackTests
{
    [Fact]
    public void Perturb_LinfOnTwoClassLinear_ReachesTheAnalyticOptimum()
    {
        using var scope = NewDisposeScope();
        using var model = TinyModels.Linear(classes: 2);
        var images = TinyModels.Images(5, ScalarType.Float64);
        var labels = TinyModels.Labels(5, classes: 2);
        var optimum = (images + 0.1 * FgsmAttackTests.Slope(model, labels).sign()).clamp(0, 1);
        foreach (var loss in new[] { AttackLoss.CrossEntropy, AttackLoss.Margin })
        {
            var attack = new PgdAttack(ThreatModel.Linf(0.1), new PgdOptions { Steps = 10, Loss = loss });
            TensorAssert.Close(attack.Perturb(model, images, labels), optimum, 1e-15);
        }
    }

    [Fact]
    public void Perturb_L2OnTwoClassLinear_ReachesTheAnalyticOptimum()
    {
        using var scope = NewDisposeScope();
        using var model = TinyModels.Linear(classes: 2);
        var images = TinyModels.Images(4, ScalarType.Float64, low: 0.4, high: 0.6);   // the ball stays inside the box
        var labels = TinyModels.Labels(4, classes: 2);
        var slope = FgsmAttackTests.Slope(model, labels);
        var optimum = images + 0.3 * slope / slope.square().sum([1, 2, 3], true).sqrt();
        var attack = new PgdAttack(ThreatModel.L2(0.3), new PgdOptions { Steps = 200, StepSize = 0.3 });
        TensorAssert.Close(attack.Perturb(model, images, labels), optimum, 1e-9);
    }

    [Fact]
    public void Perturb_L1OnTwoClassLinear_PutsTheWholeBudgetOnTheSteepestPixel()
    {
        using var scope = NewDisposeScope();
        using var model = TinyModels.Linear(classes: 2);
        var images = TinyModels.Images(4, ScalarType.Float64, low: 0.4, high: 0.6);
        var labels = TinyModels.Labels(4, classes: 2);
        var slope = FgsmAttackTests.Slope(model, labels).flatten(1);
        var steepest = slope.abs().argmax(1, keepdim: true);
        var step = zeros_like(slope).scatter(1, steepest, 0.3 * slope.gather(1, steepest).sign());
        var attack = new PgdAttack(ThreatModel.L1(0.3), new PgdOptions { Steps = 4, Start = RandomStart.None, SparseFraction = 0.01 });
        TensorAssert.Close(attack.Perturb(model, images, labels).flatten(1), images.flatten(1) + step, 1e-12);
    }

    [Fact]
    public void Perturb_OneStepFromTheImage_IsTheHandComputedStep()
    {
        using var scope = NewDisposeScope();
        using var model = TinyModels.Smooth(dtype: ScalarType.Float64);
        model.eval();
        var images = TinyModels.Images(2, ScalarType.Float64);
        var labels = TinyModels.Labels(2);
        var options = new PgdOptions { Steps = 1, StepSize = 0.05, Start = RandomStart.None, SparseFraction = 0.25 };
        var g = GradientCheck.Analytic(x => nn.functional.cross_entropy(model.call(x), labels, reduction: nn.Reduction.Sum), images).flatten(1);
        var kept = (g.abs() >= g.abs().topk(4, 1, true, true).values.amin([1], true)).to(ScalarType.Float64);
        var directions = new Dictionary<PerturbationNorm, Tensor>
        {
            [PerturbationNorm.Linf] = g.sign(),
            [PerturbationNorm.L2] = g / g.square().sum(1, true).sqrt(),
            [PerturbationNorm.L1] = g.sign() * kept / 4,
        };
        foreach (var (norm, direction) in directions)
        {
            var found = new PgdAttack(Balls.Of(norm, 0.3), options).Perturb(model, images, labels);
            TensorAssert.Close(found.flatten(1), (images.flatten(1) + 0.05 * direction).clamp(0, 1), 1e-12);
        }
    }

    [Theory]
    [InlineData(PgdSelection.Last, 7, 7)]
    [InlineData(PgdSelection.BestLoss, 8, 7)]
    public void Perturb_OneRestart_CostsExactlyItsSteps(PgdSelection selection, int forwards, int backwards)
    {
        using var scope = NewDisposeScope();
        var counting = new CountingModel(TinyModels.Linear());
        var progress = new ListProgress<AttackProgress>();
        var attack = new PgdAttack(ThreatModel.Linf(0.01), new PgdOptions { Steps = 7, Selection = selection });
        attack.Perturb(counting, TinyModels.Images(3, ScalarType.Float64), TinyModels.Labels(3), new AttackContext { Progress = progress });
        counting.Forwards.Should().Equal(Enumerable.Repeat(3L, forwards));
        counting.Backwards.Should().Equal(Enumerable.Repeat(3L, backwards));
        progress.Reports.Select(report => report.Step).Should().Equal(Enumerable.Range(1, 7));
        progress.Reports[^1].SampleForwards.Should().Be(7 * 3);
        progress.Reports[^1].SampleBackwards.Should().Be(7 * 3);
    }

    [Fact]
    public void Perturb_KlToClean_CountsTheCleanForward()
    {
        using var scope = NewDisposeScope();
        var counting = new CountingModel(TinyModels.Linear());
        var progress = new ListProgress<AttackProgress>();
        var attack = new PgdAttack(
            ThreatModel.Linf(0.1), new PgdOptions { Steps = 3, Loss = AttackLoss.KlToClean, Start = RandomStart.Gaussian });
        attack.Perturb(counting, TinyModels.Images(3, ScalarType.Float64), TinyModels.Labels(3), new AttackContext { Progress = progress });
        counting.SampleForwards.Should().Be(4 * 3);
        counting.SampleBackwards.Should().Be(3 * 3);
        progress.Reports[^1].SampleForwards.Should().Be(4 * 3);
    }

    [Fact]
    public void Perturb_FirstSuccess_BrokenSamplesLeaveTheBatch()
    {
        using var scope = NewDisposeScope();
        // The class is whether the single pixel exceeds 0.5; each step moves it by 0.1 away from its class.
        using var model = Threshold();
        var images = tensor(new[] { 0.45, 0.55, 0.25, 0.05, 0.75 }, [5, 1, 1, 1]);
        var labels = tensor([0L, 0L, 0L, 0L, 1L]);
        var counting = new CountingModel(model);
        var progress = new ListProgress<AttackProgress>();
        var attack = new PgdAttack(ThreatModel.Linf(0.3), new PgdOptions
        {
            Steps = 4, StepSize = 0.1, Start = RandomStart.None, Selection = PgdSelection.FirstSuccess, Loss = AttackLoss.Margin,
        });
        var found = attack.Perturb(counting, images, labels, new AttackContext { Progress = progress });
        // Sample 1 is wrong at once, 0 after one step, 2 after three, 4 after three (0.65, 0.55, 0.45), 3 never (stops at the ball).
        TensorAssert.Close(found.flatten(), [0.55, 0.55, 0.55, 0.35, 0.45], 1e-12);
        counting.Forwards.Should().Equal(5, 4, 3, 3);
        counting.Backwards.Should().Equal(5, 4, 3, 3);
        progress.Reports.Select(report => report.Active).Should().Equal(4, 3, 3, 1);
    }

    [Fact]
    public void Perturb_FirstSuccessAllBrokenAtOnce_ReturnsTheStart()
    {
        using var scope = NewDisposeScope();
        using var model = Threshold();
        var images = tensor(new[] { 0.2, 0.9 }, [2, 1, 1, 1]);
        var counting = new CountingModel(model);
        var attack = new PgdAttack(ThreatModel.Linf(0.1), new PgdOptions { Start = RandomStart.None, Selection = PgdSelection.FirstSuccess });
        TensorAssert.Same(attack.Perturb(counting, images, tensor([1L, 0L])), images);
        counting.Forwards.Should().Equal(2);
    }

    [Fact]
    public void Perturb_Restarts_KeepEachSamplesFirstSuccess()
    {
        using var scope = NewDisposeScope();
        // A hill at the image: gradient ascent can only leave on the side where it starts, and only the right side crosses the border.
        using var model = new FuncModel(x =>
        {
            var p = x.flatten(1);
            return cat([p * 0 + 0.3, where(p > 0.5, p * 4 - 2, 0.5 - p)], 1);
        });
        var images = full([32, 1, 1, 1], 0.5, ScalarType.Float64);
        var labels = zeros([32], ScalarType.Int64);
        Tensor Broken(int restarts)
        {
            var options = new PgdOptions { Steps = 5, Restarts = restarts, Loss = AttackLoss.Margin };
            return model.call(new PgdAttack(ThreatModel.Linf(0.2), options).Perturb(model, images, labels)).argmax(1) == 1;
        }

        var (one, four) = (Broken(1).data<bool>().ToArray(), Broken(4).data<bool>().ToArray());
        one.Count(broken => broken).Should().BeInRange(8, 24, "a start is right of the image half of the time");
        four.Count(broken => broken).Should().BeGreaterThan(27);
        one.Zip(four, (a, b) => !a || b).Should().NotContain(false, "what one restart broke stays broken");
    }

    [Fact]
    public void Perturb_Restarts_AttackOnlySurvivorsAndKeepTheHighestLoss()
    {
        using var scope = NewDisposeScope();
        using var model = TinyModels.Linear(classes: 2);
        var images = TinyModels.Images(5, ScalarType.Float64);
        var clean = model.call(images).argmax(1);
        clean[0] = 1 - clean[0];
        var counting = new CountingModel(model);
        var weak = new PgdOptions { Steps = 1, StepSize = 1e-9, Loss = AttackLoss.Margin };
        var threat = ThreatModel.Linf(1e-3);
        var found = new PgdAttack(threat, weak with { Restarts = 5 }).Perturb(counting, images, clean);
        counting.Forwards.Should().Equal([5, 5, .. Enumerable.Repeat(4L, 8)]);
        // Steps too small to matter: the loss of the result must be that of the best of the five starts, for every survivor.
        var best = Loss(model, found, clean);
        var first = Loss(model, new PgdAttack(threat, weak).Perturb(model, images, clean), clean);
        (best >= first).all().ToBoolean().Should().BeTrue();
        (best.narrow(0, 1, 4) > first.narrow(0, 1, 4)).any().ToBoolean().Should().BeTrue();
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public void Perturb_BestLoss_NeverBelowLastNorAnyIterate(int seed)
    {
        using var scope = NewDisposeScope();
        // A rugged loss: large steps overshoot, so the last iterate is often not the best.
        using var model = new FuncModel(x => { var p = x.flatten(1); return cat([(p * 25).sin(), (p * 17).cos()], 1).matmul(Mixing()); });
        var images = TinyModels.Images(8, ScalarType.Float64, seed);
        var labels = TinyModels.Labels(8, classes: 2);
        var seen = new List<Tensor>();
        using var spy = new FuncModel(x => { var z = model.call(x); seen.Add(Loss(z.detach(), labels).DetachFromDisposeScope()); return z; });
        var options = new PgdOptions { Steps = 8, StepSize = 0.2 };
        var threat = ThreatModel.Linf(0.3);
        var best = new PgdAttack(threat, options with { Selection = PgdSelection.BestLoss }).Perturb(spy, images, labels);
        var last = new PgdAttack(threat, options).Perturb(model, images, labels);
        var loss = Loss(model, best, labels);
        (loss >= Loss(model, last, labels)).all().ToBoolean().Should().BeTrue();
        (loss > Loss(model, last, labels)).any().ToBoolean().Should().BeTrue("otherwise this test proves nothing");
        TensorAssert.Close(loss, stack(seen).amax([0]), 1e-12);
    }

    [Fact]
    public void Perturb_Targeted_ReachesTheTargetAndCountsItAsSuccess()
    {
        using var scope = NewDisposeScope();
        using var model = TinyModels.Linear(classes: 5);
        var images = TinyModels.Images(5, ScalarType.Float64);
        var labels = model.call(images).argmax(1);
        var targets = (labels + 2).remainder(5);
        foreach (var loss in new[] { AttackLoss.CrossEntropy, AttackLoss.Margin, AttackLoss.Dlr })
        {
            var options = new PgdOptions { Steps = 60, StepSize = 0.1, Loss = loss, Selection = PgdSelection.FirstSuccess };
            var found = new PgdAttack(ThreatModel.Linf(1), options).Perturb(model, images, labels, new AttackContext { Targets = targets });
            TensorAssert.Longs(model.call(found).argmax(1)).Should().Equal(TensorAssert.Longs(targets));
        }
    }

    [Fact]
    public void Perturb_EveryLoss_RaisesItself()
    {
        using var scope = NewDisposeScope();
        using var model = TinyModels.Smooth(dtype: ScalarType.Float64);
        using var teacher = TinyModels.Smooth(dtype: ScalarType.Float64, seed: 31);
        model.eval();
        teacher.eval();
        var images = TinyModels.Images(6, ScalarType.Float64);
        var labels = TinyModels.Predicted(teacher, images);
        var custom = AttackLoss.Custom("first logit", (z, _) => z.select(1, 0));
        foreach (var loss in new[]
        {
            AttackLoss.CrossEntropy, AttackLoss.Dlr, AttackLoss.Margin, AttackLoss.KlToClean, AttackLoss.KlToTeacher(teacher), custom,
        })
        {
            using var noGrad = no_grad();
            var reference = loss.Prepare(new(model, images));
            Tensor Value(Tensor x) => loss.Compute(new AttackLossInputs(model.call(x), labels, null, reference));
            var options = new PgdOptions { Steps = 10, Loss = loss, Start = RandomStart.Gaussian, Selection = PgdSelection.BestLoss };
            var found = new PgdAttack(ThreatModel.Linf(0.2), options).Perturb(model, images, labels);
            var gain = Value(found) - Value(images);
            gain.min().ToDouble().Should().BeGreaterThanOrEqualTo(-1e-5, loss.Name);
            gain.max().ToDouble().Should().BeGreaterThan(1e-4, loss.Name);
        }
    }

    [Theory]
    [InlineData(RandomStart.UniformUnclamped, true)]
    [InlineData(RandomStart.GaussianUnclamped, true)]
    [InlineData(RandomStart.Uniform, false)]
    public void Perturb_Start_ShowsTheModelWhatItsNameSays(RandomStart start, bool leavesBox)
    {
        using var scope = NewDisposeScope();
        using var linear = TinyModels.Linear();
        var inBox = new List<bool>();
        using var model = new FuncModel(x =>
        {
            inBox.Add(((x >= 0) & (x <= 1)).all().ToBoolean());
            return linear.call(x);
        });
        var images = TinyModels.Images(4, ScalarType.Float64).round();
        new PgdAttack(ThreatModel.Linf(0.1), new PgdOptions { Steps = 3, Start = start }).Perturb(model, images, TinyModels.Labels(4));
        inBox.Should().Equal(!leavesBox, true, true);
    }

    private static FuncModel Threshold() => new(x =>
    {
        var score = x.flatten(1) - 0.5;
        return cat([score.neg(), score], 1);
    });

    private static Tensor Mixing() => TinyModels.Random([32, 2], 77, ScalarType.Float64, -1, 1);

    private static Tensor Loss(nn.Module<Tensor, Tensor> model, Tensor images, Tensor labels) => Loss(model.call(images).detach(), labels);

    private static Tensor Loss(Tensor logits, Tensor labels) => nn.functional.cross_entropy(logits, labels, reduction: nn.Reduction.None);
}

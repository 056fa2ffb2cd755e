using Ardir.Attacks;
using Ardir.Core;
using Microsoft.Extensions.Logging;

namespace Ardir.Tests;

public sealed class ApgdAttackTests
{
    public static TheoryData<PerturbationNorm> Norms => [.. Enum.GetValues<PerturbationNorm>()];

    [Fact]
    public void Climb_LinearModel_ReachesTheOptimum()
    {
        using var scope = NewDisposeScope();
        // Two classes: cross-entropy grows with z_1 - z_0 alone, so a sign step of full length is optimal.
        using var model = TinyModels.Linear(classes: 2);
        var images = TinyModels.Images(5, ScalarType.Float64);
        var labels = zeros([5], ScalarType.Int64);
        var direction = (model.Weight[1] - model.Weight[0]).reshape(1, 1, 4, 4);
        Search(model, images, labels, Threat(PerturbationNorm.Linf), run =>
        {
            run = run.With(AttackLoss.CrossEntropy);
            var found = ApgdEngine.Climb(run, new(), new(0.1, 30, BrokenSamples.Stay), Start(run));
            var best = (images + direction.sign() * 0.1).clamp(0, 1);
            TensorAssert.Close(found.BestLoss!, TensorAssert.Values(run.Evaluate(best).Loss), 1e-9);
        });
    }

    [Fact]
    public void Climb_LinearModelL2_ReachesTheOptimum()
    {
        using var scope = NewDisposeScope();
        using var model = TinyModels.Linear(classes: 2);
        var images = TinyModels.Images(5, ScalarType.Float64, low: 0.4, high: 0.6);
        var direction = (model.Weight[1] - model.Weight[0]).reshape(1, 1, 4, 4).detach();
        Search(model, images, zeros([5], ScalarType.Int64), ThreatModel.L2(0.3), run =>
        {
            run = run.With(AttackLoss.CrossEntropy);
            var found = ApgdEngine.Climb(run, new(), new(0.3, 50, BrokenSamples.Stay), Start(run));
            TensorAssert.Close(found.Best!, TensorAssert.Values(images + direction / direction.norm() * 0.3), 1e-6);
        });
    }

    [Fact]
    public void Climb_LinearModelL1_ReachesTheOptimum()
    {
        using var scope = NewDisposeScope();
        using var model = TinyModels.Linear(classes: 2);
        var images = full([3, 1, 4, 4], 0.5, ScalarType.Float64);
        var direction = (model.Weight[1] - model.Weight[0]).detach();
        Search(model, images, zeros([3], ScalarType.Int64), ThreatModel.L1(0.4), run =>
        {
            run = run.With(AttackLoss.Margin);
            var found = ApgdEngine.Climb(run, new(), new(0.4, 100, BrokenSamples.Stay), Start(run));
            // All of the budget on the most sensitive pixel.
            var clean = TensorAssert.Values(run.Evaluate(images).Loss);
            var gain = 0.4 * direction.abs().max().ToDouble();
            TensorAssert.Close(found.BestLoss!, [.. clean.Select(loss => loss + gain)], 0.02 * gain);
        });
    }

    [Theory]
    [MemberData(nameof(Norms))]
    public void Perturb_Success_IsWrongAndFeasibleAndFailureIsTheImage(PerturbationNorm norm)
    {
        using var scope = NewDisposeScope();
        using var model = TinyModels.Linear(dtype: ScalarType.Float32);
        var images = TinyModels.Images(40, low: -0.2, high: 1.2).clamp(0, 1);
        var labels = Labels(model, images);
        foreach (var attack in new UnitAttack[]
        {
            new ApgdAttack(Threat(norm), new ApgdOptions { Search = new() { Iterations = 15 } }), new TargetedApgdAttack(Threat(norm), new TargetedApgdOptions { Search = new() { Iterations = 15 } }),
        })
        {
            var found = attack.Perturb(model, images, labels);
            TensorAssert.AllTrue(attack.Threat.Contains(images, found));
            var wrong = model.call(found).argmax(1) != labels;
            var same = (found == images).flatten(1).all(1);
            TensorAssert.AllTrue(wrong.logical_xor(same));
            wrong.sum().ToInt64().Should().BeInRange(1, 39);
        }
    }

    [Theory]
    [MemberData(nameof(Norms))]
    public void Perturb_RobustSample_CostsOneEvaluationPerIterationAndOnePerStart(PerturbationNorm norm)
    {
        using var scope = NewDisposeScope();
        using var model = TinyModels.Smooth();
        model.eval();
        var images = TinyModels.Images(4);
        var counting = new CountingModel(model);
        var threat = norm switch { PerturbationNorm.Linf => ThreatModel.Linf(1e-4), PerturbationNorm.L2 => ThreatModel.L2(1e-4), _ => ThreatModel.L1(1e-4) };
        var attack = new ApgdAttack(threat, new ApgdOptions { Search = new() { Iterations = 10, Restarts = 2, UseLargeRadii = false } });
        attack.Perturb(counting, images, Labels(model, images));
        counting.SampleForwards.Should().Be(4 * (1 + (2 * 11)));
        counting.SampleBackwards.Should().Be(4 * 2 * 10, "the last point is only tried");
    }

    [Fact]
    public void Perturb_BrokenSamples_CostNothingMore()
    {
        using var scope = NewDisposeScope();
        using var model = TinyModels.Linear(dtype: ScalarType.Float32);
        var images = TinyModels.Images(40);
        var labels = Labels(model, images);
        labels[0] = (labels[0] + 1) % 4;
        var counting = new CountingModel(model);
        var attack = new ApgdAttack(Threat(PerturbationNorm.L2), new ApgdOptions { Search = new() { Iterations = 12, Restarts = 3 } });
        var found = attack.Perturb(counting, images, labels);
        counting.Forwards[0].Should().Be(40, "the clean images");
        counting.Forwards[1].Should().Be(39, "the one that the model gets wrong is not attacked");
        counting.Forwards.Should().BeInDescendingOrder();
        counting.Backwards.Should().Equal(counting.Forwards.Where((_, pass) => pass % 13 != 0), "clean images and last points have no backward pass");
        var robust = 40 - (model.call(found).argmax(1) != labels).sum().ToInt64();
        counting.Forwards[^1].Should().Be(robust).And.BePositive();
        counting.Forwards[14].Should().BeLessThanOrEqualTo(counting.Forwards[13], "a restart only sees survivors");
        TensorAssert.Same(found[0], images[0]);
    }

    [Fact]
    public void Perturb_AllBroken_StopsAtOnce()
    {
        using var scope = NewDisposeScope();
        using var model = TinyModels.Linear();
        var images = TinyModels.Images(6, ScalarType.Float64);
        var counting = new CountingModel(model);
        var found = new ApgdAttack(ThreatModel.Linf(1), new ApgdOptions { Search = new() { Restarts = 3 } }).Perturb(counting, images, Labels(model, images));
        counting.Forwards.Should().HaveCountLessThan(10);
        TensorAssert.AllTrue(model.call(found).argmax(1) != Labels(model, images));
    }

    [Fact]
    public void Perturb_L1WithLargeRadii_SpendsThreeStages()
    {
        ApgdStage.LargeRadii(2, 100).Should().Equal(new ApgdStage(6, 30, BrokenSamples.Ignore, true), new ApgdStage(4, 30, BrokenSamples.Ignore, true), new ApgdStage(2, 40, BrokenSamples.Leave, true));
        ApgdStage.LargeRadii(1, 25).Select(stage => stage.Iterations).Should().Equal(8, 8, 9);
        ApgdStage.LargeRadii(1, 2).Should().Equal(new ApgdStage(1, 2));
        // No further than a threat model goes.
        ApgdStage.LargeRadii(0.4e9, 100).Select(stage => stage.Radius).Should().Equal(1e9, 0.8e9, 0.4e9);
        ApgdStage.LargeRadii(1e9, 100).Select(stage => stage.Radius).Should().Equal(1e9, 1e9, 1e9);
        using var scope = NewDisposeScope();
        using var model = TinyModels.Smooth();
        model.eval();
        var images = TinyModels.Images(3);
        var labels = Labels(model, images);
        var (distances, progress) = (new List<double>(), new ListProgress<AttackProgress>());
        var threat = ThreatModel.L1(0.01);
        var watched = new FuncModel(x =>
        {
            distances.Add(threat.Distance(x.detach(), images).max().ToDouble());
            return model.call(x);
        });
        new ApgdAttack(threat).Perturb(watched, images, labels, new AttackContext { Progress = progress });
        distances.Should().HaveCount(1 + 31 + 31 + 41);
        distances.Skip(1).Take(31).Max().Should().BeInRange(0.0201, 0.0300001);
        distances.Skip(32).Take(31).Max().Should().BeInRange(0.0101, 0.0200001);
        distances.Skip(63).Max().Should().BeLessThanOrEqualTo(0.0100001);
        progress.Reports.Select(report => report.Step).Should().Equal(Enumerable.Range(1, 100));
        progress.Reports.Should().OnlyContain(report => report.Steps == 100);
    }

    [Fact]
    public void Perturb_LargeRadii_DoNotCountWhatBreaksOutsideTheBall()
    {
        using var scope = NewDisposeScope();
        using var model = TinyModels.Linear(classes: 2, dtype: ScalarType.Float32);
        var images = full([1, 1, 4, 4], 0.5f);
        var labels = Labels(model, images);
        var logits = model.call(images);
        var gap = (logits.max() - logits.min()).ToDouble();
        var reach = (model.Weight[1] - model.Weight[0]).abs().max().ToDouble();
        // The boundary lies at twice the radius: inside the first ball, outside the last.
        var found = new ApgdAttack(ThreatModel.L1(gap / reach / 2)).Perturb(model, images, labels);
        TensorAssert.Same(found, images);
    }

    [Fact]
    public void Perturb_Eot_CostsAsManyEvaluations()
    {
        using var scope = NewDisposeScope();
        using var model = TinyModels.Smooth();
        model.eval();
        var images = TinyModels.Images(3);
        var labels = Labels(model, images);
        foreach (var (attack, evaluations) in new (IAttack, int)[]
        {
            (new EotAttack(new ApgdAttack(ThreatModel.Linf(1e-4), new ApgdOptions { Search = new() { Iterations = 5 } }), 4), 3 * 6 * 4),
            (new EotAttack(new PgdAttack(ThreatModel.Linf(1e-4), new PgdOptions { Steps = 5 }), 4), 3 * 5 * 4),
        })
        {
            var counting = new CountingModel(model);
            attack.Perturb(counting, images, labels);
            counting.SampleBackwards.Should().Be(evaluations);
        }
    }

    [Fact]
    public void Perturb_Targeted_ReachesTheTargets()
    {
        using var scope = NewDisposeScope();
        using var model = TinyModels.Linear();
        var images = TinyModels.Images(6, ScalarType.Float64);
        var labels = Labels(model, images);
        var targets = (labels + 1) % 4;
        foreach (var loss in new[] { AttackLoss.CrossEntropy, AttackLoss.Dlr, AttackLoss.Margin })
        {
            var found = new ApgdAttack(ThreatModel.Linf(1), new ApgdOptions { Search = new() { Iterations = 50 }, Loss = loss })
                .Perturb(model, images, labels, new AttackContext { Targets = targets });
            TensorAssert.AllTrue(model.call(found).argmax(1) == targets);
        }
    }

    [Fact]
    public void Perturb_MaskedGradients_WarnsWithTheCount()
    {
        using var scope = NewDisposeScope();
        var linear = TinyModels.Linear();
        var images = TinyModels.Images(4, ScalarType.Float64);
        var labels = Labels(linear, images);
        // The first half of each batch gets no gradient.
        using var model = new FuncModel(x => cat([linear.call(x[..2]).detach() + (0 * x[..2]).flatten(1).sum(1, true), linear.call(x[2..])]), linear);
        var logger = new ListLogger();
        var attack = new ApgdAttack(ThreatModel.Linf(1e-4), new ApgdOptions { Search = new() { Iterations = 3 }, Loss = AttackLoss.Dlr });
        attack.Perturb(model, images, labels, new AttackContext { Logger = logger });
        logger.Entries.Should().ContainSingle().Which.Should().Match<(LogLevel Level, string Message)>(
            entry => entry.Level == LogLevel.Warning && entry.Message.Contains("for 2 of 4 images"));
        logger = new ListLogger();
        attack.Perturb(linear, images, labels, new AttackContext { Logger = logger });
        logger.Entries.Should().BeEmpty();
        new ApgdAttack(ThreatModel.Linf(1e-4), new ApgdOptions { Search = new() { Iterations = 3 } }).Perturb(model, images, labels, new AttackContext { Logger = logger });
        logger.Entries.Should().ContainSingle().Which.Message.Should().Contain("for 2 of 4 images", "whatever the loss, the attack could not move");
    }

    [Fact]
    public void Constructor_BadOptions_NamesThem()
    {
        var threat = ThreatModel.Linf(0.1);
        foreach (var (options, name) in new[]
        {
            (new ApgdOptions { Search = new() { Iterations = 0 } }, "Iterations"), (new ApgdOptions { Search = new() { Restarts = 0 } }, "Restarts"), (new ApgdOptions { Search = new() { Rho = 1 } }, "Rho"),
            (new ApgdOptions { Search = new() { Rho = double.NaN } }, "Rho"), (new ApgdOptions { Search = null! }, "Search"), (new ApgdOptions { Loss = null! }, "Loss"),
        })
        {
            var act = () => new ApgdAttack(threat, options);
            act.Should().Throw<ArgumentException>().WithParameterName(name);
        }
        new ApgdAttack(threat).Name.Should().Be("APGD-CE");
        new ApgdAttack(threat, new ApgdOptions { Loss = AttackLoss.Dlr }).Name.Should().Be("APGD-DLR");
        new ApgdAttack(threat).ToString().Should().Contain("APGD-CE Linf(0.1)").And.Contain("Iterations = 100");
    }

    private static ThreatModel Threat(PerturbationNorm norm) => norm switch
    {
        PerturbationNorm.Linf => ThreatModel.Linf(0.1),
        PerturbationNorm.L2 => ThreatModel.L2(0.3),
        _ => ThreatModel.L1(0.8),
    };

    private static Tensor Labels(nn.Module<Tensor, Tensor> model, Tensor images)
    {
        using var noGrad = no_grad();
        return model.call(images).argmax(1);
    }

    private static Tensor Start(AttackRun run) => ApgdStep.Start(run, run.Threat.Epsilon, run.Streams("test", 0));

    private static void Search(nn.Module<Tensor, Tensor> model, Tensor images, Tensor labels, ThreatModel threat, Action<AttackRun> body)
    {
        var ran = false;
        new ProbeAttack(threat, run => { body(run); ran = true; return run.Images; }).Perturb(model, images, labels);
        ran.Should().BeTrue();
    }
}

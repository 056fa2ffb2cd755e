using Ardir.Attacks;
using Ardir.Core;
using static Ardir.Attacks.FindingKind;

namespace Ardir.Tests;

/// <summary>Doubts are told also where the attack that met them is a part of another, belongs to a security curve, or met gradients that
/// are no numbers.</summary>
public sealed class HiddenDoubtTests : IDisposable
{
    private const int Count = 12;

    private static readonly ThreatModel _threat = ThreatModel.Linf(0.05);

    private static readonly Dictionary<string, Func<IAttack>> _gradient = new()
    {
        ["FGSM"] = () => Fgsm,
        ["PGD"] = () => new PgdAttack(_threat),
        ["PGD, EoT"] = () => new EotAttack(new PgdAttack(_threat, new() { Selection = PgdSelection.FirstSuccess }), 2),
        ["APGD"] = () => new ApgdAttack(_threat, new() { Search = new() { Iterations = 5 } }),
        ["FAB"] = () => new FabAttack(_threat, new() { Iterations = 5 }),
        ["chain"] = () => new WorstCaseAttack("chain", Fgsm, new PgdAttack(_threat)),
        ["ensemble"] = () => Ensemble([Fgsm, new PgdAttack(_threat)], 3),
    };

    private readonly TemporaryFolder _folder = new();

    public static TheoryData<string> Gradient => [.. _gradient.Keys];

    [Theory, MemberData(nameof(Gradient))]
    public void NonFiniteGradient_IsReportedAsSuch_WhateverTheBatches(string name)
    {
        using var scope = NewDisposeScope();
        var (net, data) = World();
        // The root of zero for every second image: its gradient is NaN.
        using var model = new FuncModel(x => net.call(x) + ((x - x.detach()).abs().sum([1, 2, 3]) + (1 - Odd(x))).sqrt().unsqueeze(1), net);
        var (images, labels) = All(data);
        var odd = TensorAssert.Values(Odd(images)).Select(value => value != 0).ToArray();
        foreach (var batchSize in new[] { 1, 5, 64 })
        {
            var result = RobustnessEvaluator.Evaluate(model, data, _gradient[name](), new() { BatchSize = batchSize });
            var left = result.Robust.Where((robust, i) => robust && odd[i]).Count();
            left.Should().BePositive();
            var finding = result.Findings.Should().ContainSingle().Which;
            (finding.Kind, finding.Images).Should().Be((BadGradient, left));
            finding.Message.Should().Contain($"For {left} of {Count} images").And.Contain("NaN or infinite");

            using var report = Ensemble([_gradient[name]()], batchSize, path: _folder.File("run.state")).Evaluate(model, images, labels);
            report.Robust.Should().Equal(result.Robust);
            report.Findings.Select(doubt => (doubt.Kind, doubt.Images)).Should().Equal((BadGradient, left));
            report.Attacks.Should().OnlyContain(attack => attack.ZeroGradients == 0);
            using var resumed = Ensemble([_gradient[name]()], batchSize, path: _folder.File("run.state")).Evaluate(model, images, labels);
            resumed.Findings.Should().Equal(report.Findings);
            File.Delete(_folder.File("run.state"));
        }
    }

    [Fact]
    public void InfiniteLogits_AreToldByTheEvaluatorAndTheEnsemble()
    {
        using var scope = NewDisposeScope();
        var (net, data) = World();
        using var model = new FuncModel(x => net.call(x).mul(double.MaxValue).mul(1e6), net);
        var result = RobustnessEvaluator.Evaluate(model, data, Fgsm);
        var finding = result.Findings.Should().ContainSingle(finding => finding.Kind == BadGradient).Which;
        finding.Images.Should().Be(result.Robust.Count(robust => robust)).And.BePositive();
    }

    [Fact]
    public void AttackWithinAttack_ThatFoundNoGradient_IsNamed()
    {
        using var scope = NewDisposeScope();
        var (net, data) = World();
        using var model = new FuncModel(x => net.call(x).detach(), net);
        var (images, labels) = All(data);
        var square = new SquareAttack(_threat, new() { Queries = 3 });
        var logger = new ListLogger();
        var chain = new WorstCaseAttack("chain", Fgsm, square);
        IAttack[] attacks = [chain, Ensemble([Fgsm, square], 3), Ensemble([chain], 3)];
        foreach (var attack in attacks)
        {
            var options = new EvaluationOptions { BatchSize = 5, Context = new AttackContext { Logger = logger } };
            var result = RobustnessEvaluator.Evaluate(model, data, attack, options);
            var finding = result.Findings.Should().ContainSingle(attack.ToString()).Which;
            (finding.Kind, finding.Images).Should().Be((NoGradient, Count));
            finding.Message.Should().Contain("so FGSM could not search");
            for (var run = 0; run < 2; run++)
            {
                var path = _folder.File($"{Array.IndexOf(attacks, attack)}");
                using var report = Ensemble([attack], 5, path).Evaluate(model, images, labels);
                report.Findings.Should().Equal(finding);
            }
        }
        logger.Entries.Count(entry => entry.Message.Contains("is left out")).Should().Be(0, "the finding says it, once");
    }

    [Fact]
    public void EnsembleWithinChain_ThatFollowedAGradient_LeavesNoDoubt()
    {
        using var scope = NewDisposeScope();
        var (net, data) = World();
        using var loud = new FuncModel(x => net.call(x) * 1e6, net);
        var margin = new PgdAttack(_threat, new() { Loss = AttackLoss.Margin });
        RobustnessEvaluator.Evaluate(loud, data, Fgsm).Findings.Should().ContainSingle().Which.Kind.Should().Be(ZeroGradient);
        foreach (var parts in new IAttack[][] { [Fgsm, Ensemble([margin], 3)], [Ensemble([margin], 3), Fgsm] })
        {
            var result = RobustnessEvaluator.Evaluate(loud, data, new WorstCaseAttack("chain", parts), new() { BatchSize = 5 });
            result.RobustAccuracy.Should().BePositive();
            result.Findings.Should().BeEmpty();
        }
    }

    [Fact]
    public void SecurityCurve_WithoutAGradientToFollow_IsDoubted()
    {
        using var scope = NewDisposeScope();
        var (net, data) = World();
        var (images, labels) = All(data);
        var models = new (Func<Tensor, Tensor>, FindingKind?)[]
        {
            (z => (z * 64).round() / 64, ZeroGradient), (z => z.detach(), NoGradient), (z => z, null),
        };
        foreach (var (after, kind) in models)
        {
            using var model = new FuncModel(x => after(net.call(x)));
            using var report = Curve(model);
            using var resumed = Curve(model);
            resumed.Findings.Should().Equal(report.Findings);
            resumed.Data.SecurityCurve.Should().Equal(report.Data.SecurityCurve);
            File.Delete(_folder.File("curve"));
            if (kind is null)
            {
                report.Findings.Should().BeEmpty();
                continue;
            }
            var finding = report.Findings.Should().ContainSingle().Which;
            (finding.Kind, finding.Images).Should().Be((kind.Value, Count));
            finding.Message.Should().Contain("APGD-T of the security curve at 0.01 and APGD-T of the security curve at 0.02");
        }

        RobustnessReport Curve(IModule model) => new AutoAttack(_threat, new()
        {
            Version = AutoAttackVersion.Custom, Attacks = [new SquareAttack(_threat, new() { Queries = 2 })], Diagnose = false,
            SecurityCurve = [0.01, 0.02], StatePath = _folder.File("curve"),
        }).Evaluate(model, images, labels);
    }

    [Fact]
    public void Evaluator_AttackThatChangesWhatItIsGiven_IsJudgedByTheTruth()
    {
        using var scope = NewDisposeScope();
        var (net, data) = World();
        var grey = new ForeignAttack(_threat, (_, x, _) => x.fill_(0.5));
        FluentActions.Invoking(() => RobustnessEvaluator.Evaluate(net, data, grey))
            .Should().Throw<InvalidOperationException>().WithMessage("*outside*");
        var labels = new ForeignAttack(_threat, (_, x, y) =>
        {
            y.add_(1).remainder_(4);
            return x;
        });
        RobustnessEvaluator.Evaluate(net, data, labels).RobustAccuracy.Should().Be(1);
    }

    [Fact]
    public void AttackThatReturnsNoImages_IsRefusedByName_InEveryEvaluation()
    {
        using var scope = NewDisposeScope();
        var (net, data) = World();
        var (images, labels) = All(data);
        var square = new SquareAttack(_threat, new() { Queries = 2 });
        var wrong = new Dictionary<string, Func<Tensor, Tensor>>
        {
            ["null"] = _ => null!,
            ["disposed"] = x => { var gone = x.clone(); gone.Dispose(); return gone; },
            ["[1,1,4,4]"] = x => x.narrow(0, 0, 1),
            ["Float32"] = x => x.to(ScalarType.Float32),
        };
        foreach (var (what, answer) in wrong)
        {
            var foreign = new ForeignAttack(_threat, (_, x, _) => answer(x));
            var chain = new WorstCaseAttack("chain", foreign, square);
            foreach (var evaluation in new Action[]
            {
                () => RobustnessEvaluator.Evaluate(net, data, foreign), () => RobustnessEvaluator.Evaluate(net, data, chain),
                () => chain.Perturb(net, images, labels), () => new WorstCaseAttack("chain", square, foreign).Perturb(net, images, labels),
                () => Ensemble([foreign], 5).Evaluate(net, images, labels),
            })
                evaluation.Should().Throw<InvalidOperationException>(what).WithMessage($"The attack foreign returned *{what}*");
        }
    }

    [Fact]
    public void SparseLogits_AreNamed()
    {
        using var scope = NewDisposeScope();
        var (net, data) = World();
        var (images, labels) = All(data);
        using var model = new FuncModel(x => net.call(x).to_sparse(), net);
        foreach (var evaluation in new Action[]
        {
            () => RobustnessEvaluator.Evaluate(model, data), () => Fgsm.Perturb(model, images, labels),
            () => Ensemble([Fgsm], 5).Evaluate(model, images, labels),
        })
            evaluation.Should().Throw<InvalidOperationException>().WithMessage("The model returned a sparse tensor*to_dense*");
    }

    [Fact]
    public void LossThatForgetsItsGradient_IsNotTakenForAModelWithoutOne()
    {
        using var scope = NewDisposeScope();
        var (net, data) = World();
        var (images, labels) = All(data);
        var forgetful = AttackLoss.Custom("forgetful", (logits, _) => logits.detach().amax([1]));
        var pgd = new PgdAttack(_threat, new() { Loss = forgetful });
        FluentActions.Invoking(() => Ensemble([pgd, new SquareAttack(_threat)], 5).Evaluate(net, images, labels))
            .Should().Throw<InvalidOperationException>().WithMessage("*loss 'forgetful' does not depend on the logits*");
    }

    [Fact]
    public void Perturb_GradientsWhoseSumOverflows_AreNumbersAllTheSame()
    {
        using var scope = NewDisposeScope();
        using var net = TinyModels.Linear(dtype: ScalarType.Float32);
        using var steep = new FuncModel(x => net.call(x) * 4e37, net);
        var images = TinyModels.Images(4, low: 0.2, high: 0.8);
        var labels = Predictions.Of(net.call(images));
        var attack = new FgsmAttack(_threat, new() { Loss = AttackLoss.Margin });
        TensorAssert.Same(attack.Perturb(steep, images, labels), attack.Perturb(net, images, labels));
    }

    public void Dispose() => _folder.Dispose();

    private static FgsmAttack Fgsm => new(_threat);

    private static AutoAttack Ensemble(IAttack[] attacks, int batchSize, string? path = null) =>
        new(_threat, new()
        {
            Version = AutoAttackVersion.Custom, Attacks = attacks, BatchSize = batchSize, Diagnose = false, StatePath = path,
        });

    private static (LinearModel Net, ImageDataset Data) World()
    {
        var net = TinyModels.Linear();
        net.eval();
        var pixels = TinyModels.Random([Count, 1, 4, 4], 3, ScalarType.Byte, 30, 226);
        for (var i = 0; i < Count; i++) pixels[i, 0, 0, 0] = (byte)(i % 2 == 0 ? 30 : 225);
        return (net, new ImageDataset(pixels, net.call(pixels.to(ScalarType.Float64) / 255).argmax(1).detach(), ["0", "1", "2", "3"]));
    }

    private static (Tensor Images, Tensor Labels) All(ImageDataset data) =>
        data.Batch([.. Enumerable.Range(0, Count).Select(i => (long)i)], ScalarType.Float64);

    /// <summary>Whether it is a second image, 0 or 1, also of points within the budget: their first pixel tells.</summary>
    private static Tensor Odd(Tensor x) => (x.detach()[.., 0, 0, 0] > 0.5).to(x.dtype);
}

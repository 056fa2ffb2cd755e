using Ardir.Attacks;
using Ardir.Core;

namespace Ardir.Tests;

/// <summary>Ensemble, evaluator and chain judge what an attack found by one rule.</summary>
public sealed class JudgementTests
{
    private static readonly ThreatModel _threat = ThreatModel.Linf(0.1);

    [Fact]
    public void Judge_WrongNanAndOutside_OnlyPointsInsideTheThreatSetBreak()
    {
        using var scope = NewDisposeScope();
        using var model = Brightness();
        using var guarded = new GuardedModel(model, new AttackContext());
        var images = full([5, 1, 2, 2], 0.55);
        var points = tensor(new[] { 0.5f, 0.48f, 0.3f, 0.6f, 0.46f }).reshape(5, 1, 1, 1).expand(5, 1, 2, 2).clone();
        var verdict = Verdict.Judge(guarded, _threat, images, points, (zeros(5, ScalarType.Int64), null));
        TensorAssert.Longs(verdict.Predicted).Should().Equal(0, 1, 1, 0, 2);
        TensorAssert.Values(verdict.Wrong).Should().Equal(0, 1, 1, 0, 1);
        TensorAssert.Values(verdict.Inside).Should().Equal(1, 1, 0, 1, 1);
        TensorAssert.Values(verdict.Broken).Should().Equal([0, 1, 0, 0, 1], "NaN, near 0.46, is a wrong answer");
        guarded.SampleForwards.Should().Be(5);
        var targeted = Verdict.Judge(guarded, _threat, images, points, (zeros(5, ScalarType.Int64), ones(5, ScalarType.Int64)));
        TensorAssert.Values(targeted.Broken).Should().Equal([0, 1, 0, 0, 0], "NaN reaches no target");
    }

    // Of the attacks one moves to a point with NaN logits, the other does nothing.
    [Fact]
    public void NanPoint_InAnyEvaluation_IsBroken_AndAChainOnItsOwnRefusesIt()
    {
        using var scope = NewDisposeScope();
        using var model = Brightness();
        var images = full([2, 1, 2, 2], 0.55);
        var labels = zeros(2, ScalarType.Int64);
        var chain = new WorstCaseAttack("chain", new MoveTo(_threat, 0.46), new MoveTo(_threat, 0.55));
        foreach (var attack in new IAttack[] { new MoveTo(_threat, 0.46), chain })
        {
            using var data = new ImageDataset((images * 255).round().to(ScalarType.Byte), labels.clone());
            RobustnessEvaluator.Evaluate(model, data, attack).Robust.Should().Equal(false, false);
            using var report = new AutoAttack(_threat, new() { Version = AutoAttackVersion.Custom, Attacks = [attack], Diagnose = false }).Evaluate(model, images, labels);
            report.Robust.Should().Equal(false, false);
            report.Findings.Should().ContainSingle(finding => finding.Kind == FindingKind.NanLogits);
        }
        chain.Invoking(c => c.Perturb(model, images, labels)).Should().Throw<InvalidOperationException>().WithMessage("*NaN logits*");
    }

    [Fact]
    public void Chain_PointOutsideTheThreatSet_IsNoReasonToStop()
    {
        using var scope = NewDisposeScope();
        using var model = Brightness();
        var images = full([2, 1, 2, 2], 0.55);
        var labels = zeros(2, ScalarType.Int64);
        var chain = new WorstCaseAttack("chain", new MoveTo(_threat, 0.2), new MoveTo(_threat, 0.49));
        TensorAssert.Close(chain.Perturb(model, images, labels), full_like(images, 0.49), 1e-7);
    }

    [Fact]
    public void Probe_ThatFails_LeavesNoTensorBehind()
    {
        using var images = full([2, 1, 2, 2], 0.55);
        using var labels = zeros(2, ScalarType.Int64);
        var calls = 0;
        using var model = new FuncModel(x => ++calls % 3 == 0 ? throw new InvalidOperationException("third") : x.flatten(1).narrow(1, 0, 2));
        var attack = new AutoAttack(_threat, new() { Version = AutoAttackVersion.Custom, Attacks = [new FgsmAttack(_threat)] });
        LeakAssert.None(() =>
        {
            calls = 0;
            attack.Invoking(a => a.Evaluate(model, images, labels)).Should().Throw<InvalidOperationException>().WithMessage("third");
        });
    }

    /// <summary>Class 0 from a brightness of a half on, class 1 below; NaN around 0.46.</summary>
    private static FuncModel Brightness() => new(x =>
    {
        var score = (x - 0.5).flatten(1).mean([1]);
        var logits = stack([score, -score], 1);
        return where((score + 0.04).abs().unsqueeze(1) < 0.01, full_like(logits, double.NaN), logits);
    });

    private sealed class MoveTo(ThreatModel threat, double brightness) : IAttack
    {
        public string Name => "move";

        public ThreatModel Threat => threat;

        public Tensor Perturb(IModule model, Tensor images, Tensor labels, AttackContext? context = null) => full_like(images, brightness);
    }
}

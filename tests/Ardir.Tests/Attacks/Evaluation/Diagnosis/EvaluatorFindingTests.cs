using Ardir.Attacks;
using Ardir.Core;
using static Ardir.Attacks.FindingKind;

namespace Ardir.Tests;

/// <summary>The evaluator doubts what the ensemble doubts, in the same words, as far as one attack and a data set allow.</summary>
public sealed class EvaluatorFindingTests
{
    private static readonly ThreatModel _threat = ThreatModel.Linf(0.1);

    private static readonly Dictionary<string, (Func<LinearModel, Func<Tensor, Tensor>> Model, Func<IAttack> Attack, FindingKind[] Expected)> _table = new()
    {
        ["healthy"] = (net => net.call, () => Fgsm, []),
        ["softmax"] = (net => x => net.call(x).softmax(1), () => Fgsm, [Probabilities]),
        ["rounded"] = (net => x => (net.call(x) * 3).round(), () => Fgsm, [ZeroGradient, VanishingGradient]),
        ["too large"] = (net => x => net.call(x) * 1e6, () => Fgsm, [ZeroGradient]),
        ["noise"] = (Noisy, () => new SquareAttack(_threat, new() { Queries = 1 }), [Randomized]),
        ["follows a gradient"] = (Optimising, () => Fgsm, [DynamicModel]),
        ["idle"] = (net => net.call, () => new ForeignAttack(_threat, (_, x, _) => x), [WeakerThanFgsm]),
        ["a narrower budget than FGSM's would be"] = (net => net.call, () => new FgsmAttack(ThreatModel.Linf(1e-4)), []),
        ["one class"] = (net => x => net.call(x) + tensor(new[] { 100, 0, 0, 0.0 }), () => Fgsm, [ResistsHugeBudget]),
        ["constant"] = (_ => x => 0 * x.sum([1, 2, 3]).unsqueeze(1) + tensor(new[] { 2, 0, 0, 0.0 }), () => Fgsm, [ZeroGradient, ConstantLogits, VanishingGradient, ResistsHugeBudget]),
        ["few classes"] = (net => x => net.call(x).narrow(1, 0, 3), () => new TargetedApgdAttack(_threat, new() { Search = new() { Iterations = 5 } }), [FewClasses]),
        ["NaN"] = (net => x => net.call(x).masked_fill((x[.., 0, 0, 0] > 0.8).unsqueeze(1), double.NaN), () => Fgsm, [NanLogits]),
        ["in train mode"] = (net => net.call, () => Fgsm, [TrainMode]),
    };

    public static TheoryData<string> Rows => [.. _table.Keys];

    [Theory, MemberData(nameof(Rows))]
    public void Diagnose_FindsWhatTheEnsembleFindsInTheSameWords(string row)
    {
        using var scope = NewDisposeScope();
        var (net, make, attack, expected) = (TinyModels.Linear(), _table[row].Model, _table[row].Attack(), _table[row].Expected);
        var forward = make(net);
        IModule model = row == "in train mode" ? new Stubborn(net) : new FuncModel(x => forward(x), net);
        using var data = Data(forward);
        var (images, labels) = data.Batch([.. Enumerable.Range(0, 12).Select(i => (long)i)], ScalarType.Float64);
        using var report = new AutoAttack(attack.Threat, new() { Version = AutoAttackVersion.Custom, Attacks = [attack], BatchSize = 12 }).Evaluate(model, images, labels);
        var result = RobustnessEvaluator.Evaluate(model, data, attack, new EvaluationOptions { BatchSize = 12, Checks = EvaluationChecks.All });
        var tolerated = row is "rounded" or "noise" ? new[] { ResistsHugeBudget, WeakerThanFgsm, UnconfirmedSuccess } : [];
        result.Findings.Select(finding => finding.Kind).Except(tolerated).Should().Equal(expected, "it said: {0}", string.Join("\n", result.Findings));
        if (row != "noise") result.Findings.Where(finding => !tolerated.Contains(finding.Kind)).Should().Equal(report.Findings.Where(finding => !tolerated.Contains(finding.Kind)));
    }

    [Fact]
    public void Default_MakesOnlyTheChecksThatCostNothing()
    {
        using var scope = NewDisposeScope();
        var net = TinyModels.Linear();
        using var data = Data(net.call);
        FindingKind[] Found(Func<Tensor, Tensor> forward, IAttack attack, out long passes)
        {
            var model = new CountingModel(new FuncModel(forward, net));
            var result = RobustnessEvaluator.Evaluate(model, data, attack);
            passes = model.Forwards.Count;
            return [.. result.Findings.Select(finding => finding.Kind)];
        }
        Found(x => net.call(x.to(ScalarType.Float64)).softmax(1), Fgsm, out var passes).Should().Equal(Probabilities);
        passes.Should().Be(3, "the clean pass, the attack, the verdict");
        Found(x => net.call(x.to(ScalarType.Float64)), new ForeignAttack(_threat, (_, x, _) => x), out _).Should().BeEmpty();
    }

    [Fact]
    public void CoversThreat_OfWhatIsMadeOfAttacks_IsThatOfAnyOfThem()
    {
        var (narrow, wide) = (new Narrow(), Fgsm);
        (((IAttack)wide).CoversThreat, narrow.CoversThreat, ((IAttack)new ForeignAttack(_threat, (_, x, _) => x)).CoversThreat).Should().Be((true, false, true));
        new WorstCaseAttack("chain", narrow, wide).CoversThreat.Should().BeTrue();
        new WorstCaseAttack("chain", narrow, narrow).CoversThreat.Should().BeFalse();
        AutoAttack Of(IAttack attack) => new(_threat, new() { Version = AutoAttackVersion.Custom, Attacks = [attack] });
        (Of(narrow).CoversThreat, Of(wide).CoversThreat, new AutoAttack(_threat).CoversThreat).Should().Be((false, true, true));
    }

    [Fact]
    public void NarrowAttack_IsNotComparedWithFgsm()
    {
        using var scope = NewDisposeScope();
        var net = TinyModels.Linear();
        using var data = Data(net.call);
        var options = new EvaluationOptions { Checks = EvaluationChecks.All };
        RobustnessEvaluator.Evaluate(net, data, new Narrow(), options).Findings.Should().BeEmpty();
        RobustnessEvaluator.Evaluate(net, data, new ForeignAttack(_threat, (_, x, _) => x), options).Findings.Should().ContainSingle().Which.Kind.Should().Be(WeakerThanFgsm);
    }

    [Fact]
    public void DetachedModel_EndsASingleAttackAndNotAnEnsemble()
    {
        using var scope = NewDisposeScope();
        var net = TinyModels.Linear();
        using var model = new FuncModel(x => net.call(x).detach(), net);
        using var data = Data(net.call);
        var (images, labels) = data.Batch([.. Enumerable.Range(0, 12).Select(i => (long)i)], ScalarType.Float64);
        var square = new SquareAttack(_threat, new() { Queries = 60 });
        IAttack[] gradient = [Fgsm, new PgdAttack(_threat), new ApgdAttack(_threat), new TargetedApgdAttack(_threat), new FabAttack(_threat), new TargetedFabAttack(_threat)];
        foreach (var attack in gradient)
        {
            attack.Invoking(a => a.Perturb(model, images, labels)).Should().Throw<InvalidOperationException>().WithMessage("*does not depend on its input*");
            FluentActions.Invoking(() => RobustnessEvaluator.Evaluate(model, data, attack)).Should().Throw<InvalidOperationException>("there is no result").WithMessage("*does not depend on its input*");
        }
        using var alone = Evaluate([square]);
        using var report = Evaluate([.. gradient, square]);
        report.Robust.Should().Equal(alone.Robust);
        report.RobustAccuracy.Should().BeLessThan(1);
        report.Findings.Should().ContainSingle(finding => finding.Kind == NoGradient)
            .Which.Message.Should().Contain("FGSM and PGD-10 and APGD-CE and APGD-T and FAB and FAB-T");
        report.Attacks.Take(6).Should().OnlyContain(attack => attack.Broken == 0 && attack.Attacked == 12 && attack.SampleBackwards == 0 && attack.SampleForwards <= 12);
        // A chain goes on, too, and refuses only if none of it could search.
        var chain = RobustnessEvaluator.Evaluate(model, data, new WorstCaseAttack("chain", Fgsm, square));
        chain.RobustAccuracy.Should().BeLessThan(1);
        FluentActions.Invoking(() => new WorstCaseAttack("chain", Fgsm, new PgdAttack(_threat)).Perturb(model, images, labels)).Should().Throw<InvalidOperationException>().WithMessage("*does not depend*");
        LeakAssert.None(() => Evaluate([Fgsm, new ApgdAttack(_threat), square]).Dispose(), runs: 1);

        RobustnessReport Evaluate(IAttack[] attacks) =>
            new AutoAttack(_threat, new() { Version = AutoAttackVersion.Custom, Attacks = attacks, BatchSize = 12, Diagnose = false }).Evaluate(model, images, labels);
    }

    [Fact]
    public void DetachedModel_StateOfAnEndedAttack_GoesOnWithTheNext()
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        var net = TinyModels.Linear();
        var asked = 0;
        using var model = new FuncModel(x => { asked++; return net.call(x).detach(); }, net);
        var images = TinyModels.Images(9, ScalarType.Float64);
        var labels = net.call(images).argmax(1).detach();
        var path = folder.File("run.state");
        RobustnessReport Run() => new AutoAttack(_threat, new()
        {
            Version = AutoAttackVersion.Custom, Attacks = [new TargetedApgdAttack(_threat), new SquareAttack(_threat, new() { Queries = 20 })], BatchSize = 4, Diagnose = false, StatePath = path,
        }).Evaluate(model, images, labels);
        using var whole = Run();
        var all = asked;
        var bytes = File.ReadAllBytes(path);
        for (var share = 0.4; share <= 1; share += 0.2)
        {
            File.WriteAllBytes(path, bytes[..(int)(bytes.Length * share)]);
            asked = 0;
            using var resumed = Run();
            resumed.Robust.Should().Equal(whole.Robust);
            resumed.Findings.Should().Equal(whole.Findings);
            resumed.Attacks.Select(attack => (attack.Attacked, attack.Broken, attack.SampleForwards)).Should().Equal(whole.Attacks.Select(attack => (attack.Attacked, attack.Broken, attack.SampleForwards)));
            asked.Should().BeLessThanOrEqualTo(all);
        }
    }

    private static FgsmAttack Fgsm => new(_threat);

    private static ImageDataset Data(Func<Tensor, Tensor> forward)
    {
        var pixels = TinyModels.Random([12, 1, 4, 4], 3, ScalarType.Byte, 30, 226);
        var logits = forward(pixels.to(ScalarType.Float64) / 255).detach();
        return new ImageDataset(pixels, logits.nan_to_num(0).argmax(1), [.. Enumerable.Range(0, (int)logits.shape[1]).Select(i => $"{i}")]);
    }

    private static Func<Tensor, Tensor> Noisy(LinearModel net)
    {
        var generator = new Generator(7);
        return x => net.call(x) + randn([x.shape[0], 4], ScalarType.Float64, generator: generator) * 0.01;
    }

    private static Func<Tensor, Tensor> Optimising(LinearModel net) => x =>
    {
        using var grad = enable_grad();
        var leaf = x.detach().clone().requires_grad_();
        net.call(leaf).logsumexp(1).sum().backward(inputs: [leaf]);
        return net.call(x + 0.001 * leaf.grad!);
    };

    private sealed class Narrow : IAttack
    {
        public string Name => "narrow";

        public ThreatModel Threat => _threat;

        public bool CoversThreat => false;

        public Tensor Perturb(IModule model, Tensor images, Tensor labels, AttackContext? context = null) => images;
    }

    /// <summary>Cannot be told to leave train mode.</summary>
    private sealed class Stubborn : nn.Module<Tensor, Tensor>
    {
        private readonly LinearModel _inner;

        public Stubborn(LinearModel inner) : base(nameof(Stubborn))
        {
            _inner = inner;
            register_module("inner", inner);
        }

        public override void train(bool on = true)
        {
        }

        public override Tensor forward(Tensor input) => _inner.call(input);
    }
}

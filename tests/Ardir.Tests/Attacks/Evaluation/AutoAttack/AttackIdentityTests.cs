using Ardir.Attacks;
using Ardir.Core;

namespace Ardir.Tests;

/// <summary>The state file takes attacks of others only where their text tells all that could differ.</summary>
public sealed class AttackIdentityTests
{
    private static readonly ThreatModel _threat = ThreatModel.Linf(0.05);

    private static readonly Dictionary<string, (IAttack Attack, bool Taken)> _table = new()
    {
        ["options behind the default text"] = (new Hiding(_threat, 3), false),
        ["options of a base class"] = (new HidingChild(_threat), false),
        ["a derived attack with options"] = (new Derived(_threat, 3), false),
        ["a struct"] = (new Value(3), false),
        ["inside a chain"] = (new WorstCaseAttack("chain", new FgsmAttack(_threat), new Hiding(_threat, 3)), false),
        ["inside an ensemble"] = (new AutoAttack(_threat, new AutoAttackOptions { Version = AutoAttackVersion.Custom, Attacks = [new Hiding(_threat, 3)] }), false),
        ["a loss behind the default text"] = (new PgdAttack(_threat, new PgdOptions { Loss = new HidingLoss(2) }), false),
        ["such a loss inside a chain"] = (new WorstCaseAttack("chain", new FgsmAttack(_threat), new SquareAttack(_threat, new SquareOptions { Loss = new HidingLoss(2) })), false),
        ["a loss without values"] = (new PgdAttack(_threat, new PgdOptions { Steps = 1, Loss = new PlainLoss() }), true),
        ["a function with a name"] = (new PgdAttack(_threat, new PgdOptions { Steps = 1, Loss = AttackLoss.Custom("first logit", (z, _) => z.select(1, 0)) }), true),
        ["losses of Ardir"] = (new WorstCaseAttack("chain", new FgsmAttack(_threat, new FgsmOptions { Loss = AttackLoss.DlrOrMargin }), new PgdAttack(_threat, new PgdOptions { Steps = 1, Loss = AttackLoss.KlToClean })), true),
        ["a record"] = (new Told(_threat, 3), true),
        ["a text of its own"] = (new Telling(_threat, 3), true),
        ["a stranger's chain with a text of its own"] = (new TellingChain(_threat, [new Hiding(_threat, 3)]), true),
        ["options that it states"] = (new Stating(_threat, 3), true),
        ["stated options with a loss that hides its values"] = (new Stating(_threat, new HidingLoss(2)), false),
        ["nothing but the threat model"] = (new Plain(_threat), true),
        ["derived, nothing of its own"] = (new DerivedPlain(_threat), true),
        ["Ardir's"] = (new PgdAttack(_threat), true),
        ["an ensemble of Ardir's with a curve"] = (new AutoAttack(_threat, new AutoAttackOptions { Version = AutoAttackVersion.Custom, Attacks = [new FgsmAttack(_threat)], SecurityCurve = [0.01] }), true),
        ["a chain of Ardir's"] = (new WorstCaseAttack("chain", new FgsmAttack(_threat), new PgdAttack(_threat)), true),
    };

    public static TheoryData<string> Rows => [.. _table.Keys];

    [Theory]
    [MemberData(nameof(Rows))]
    public void Evaluate_WithAState_TakesOnlyAttacksThatTellTheirOptions(string row)
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        using var model = TinyModels.Linear(dtype: ScalarType.Float32);
        var (attack, taken) = _table[row];
        RobustnessReport Evaluate(string? path) => new AutoAttack(attack.Threat, new AutoAttackOptions
        {
            Version = AutoAttackVersion.Custom, Attacks = [attack], StatePath = path, Diagnose = false,
        }).Evaluate(model, TinyModels.Images(4), TinyModels.Labels(4));
        var act = () => Evaluate(folder.File("run.state"));
        if (taken) act.Should().NotThrow();
        else act.Should().Throw<InvalidOperationException>().WithMessage("*ToString*StatePath null*").Which.Message.Should().MatchRegex("Hiding|Derived|Value");
        FluentActions.Invoking(() => Evaluate(null)).Should().NotThrow("without a state nothing is compared");
        if (!taken) folder.Names.Should().BeEmpty();
    }

    [Fact]
    public void Of_Records_TellTheirOptionsApart() =>
        AttackIdentity.Of([new Told(_threat, 3)]).Should().Contain("Steps = 3").And.NotBe(AttackIdentity.Of([new Told(_threat, 4)]));

    [Fact]
    public void Of_FormsOfALoss_TellThemApart() =>
        new[] { AttackLoss.Dlr, AttackLoss.DlrOrMargin, AttackLoss.Margin, AttackLoss.CrossEntropy, AttackLoss.Custom("a", (z, _) => z), AttackLoss.Custom("b", (z, _) => z) }
            .Select(loss => AttackIdentity.Of([new PgdAttack(_threat, new PgdOptions { Loss = loss })])).Should().OnlyHaveUniqueItems();

    [Theory]
    [InlineData("EoT around the ensemble", "*attacks*EoT2-*EoT3-*")]
    [InlineData("another class with the same text", "*threat model*")]
    public void Evaluate_StateOfAnother_IsRefused(string row, string message)
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        using var model = TinyModels.Linear(dtype: ScalarType.Float32);
        IAttack Ensemble(ThreatModel threat) => new AutoAttack(threat, new AutoAttackOptions
        {
            Version = AutoAttackVersion.Custom, Attacks = [new FgsmAttack(threat)], StatePath = folder.File("run.state"), Diagnose = false,
        });
        void Run(IAttack attack) => attack.Perturb(model, TinyModels.Images(4), TinyModels.Labels(4));
        var (first, second) = row.StartsWith("EoT", StringComparison.Ordinal)
            ? ((IAttack)new EotAttack(Ensemble(_threat), 2), (IAttack)new EotAttack(Ensemble(_threat), 3))
            : (Ensemble(new Box()), Ensemble(new SameBox()));
        Run(first);
        Run(first);
        FluentActions.Invoking(() => Run(second)).Should().Throw<InvalidOperationException>().WithMessage(message);
    }

    [Fact]
    public void Of_ThreatThatAddsValuesToItsBaseWithoutATextOfItsOwn_IsRefused() =>
        FluentActions.Invoking(() => StatedIdentity.Of(new WiderBox(2))).Should().Throw<InvalidOperationException>().WithMessage("*WiderBox*ToString*");

    private sealed class WiderBox(double factor) : Box
    {
        protected override Tensor ProjectCore(Tensor reference, Tensor candidate) =>
            base.ProjectCore(reference, reference + (candidate - reference) / factor);
    }

    private class Box() : ThreatModel(0.1)
    {
        public override string ToString() => "Box(0.1)";

        protected override Tensor ProjectCore(Tensor reference, Tensor candidate) =>
            candidate.clamp(reference - Epsilon, reference + Epsilon).clamp_(0, 1);
    }

    private sealed class SameBox() : ThreatModel(0.1)
    {
        public override string ToString() => "Box(0.1)";

        protected override Tensor ProjectCore(Tensor reference, Tensor candidate) =>
            candidate.clamp(reference - Epsilon / 2, reference + Epsilon / 2).clamp_(0, 1);
    }

    [Fact]
    public void Of_TeacherOfALoss_IsToldByItsWeights()
    {
        using var one = TinyModels.Linear(seed: 3);
        using var same = TinyModels.Linear(seed: 3);
        using var other = TinyModels.Linear(seed: 4);
        string Of(IModule teacher) => AttackIdentity.Of([new PgdAttack(_threat, new PgdOptions { Loss = AttackLoss.KlToTeacher(teacher) })]);
        Of(one).Should().Be(Of(same)).And.NotBe(Of(other));
        StatedIdentity.FindNetworks(new object?[] { one, AttackLoss.KlToTeacher(one), other, AttackLoss.KlToClean, null }).Should().Equal(one, other);
    }

    private sealed class HidingLoss(double weight) : IAttackLoss
    {
        public string Name => "hiding";

        public Tensor Compute(AttackLossInputs inputs) => inputs.Logits.select(1, 0) * weight;
    }

    private sealed class PlainLoss : IAttackLoss
    {
        public string Name => "plain";

        public Tensor Compute(AttackLossInputs inputs) => inputs.Logits.select(1, 0);
    }

    private class Hiding(ThreatModel threat, int steps) : IAttack
    {
        public string Name => "hiding";

        public ThreatModel Threat => threat;

        public Tensor Perturb(IModule model, Tensor images, Tensor labels, AttackContext? context = null) => images + 0 * steps;
    }

    private sealed class HidingChild(ThreatModel threat) : Hiding(threat, 4);

    private sealed class Derived(ThreatModel threat, int steps) : Attack(threat)
    {
        public override string Name => "derived";

        protected override Tensor Search(AttackRun run) => run.Images + 0 * steps;
    }

    private sealed class Stating(ThreatModel threat, object value) : Attack(threat)
    {
        public override string Name => "stating";

        protected override object? Options => new PgdOptions { Steps = value as int? ?? 1, Loss = value as IAttackLoss ?? AttackLoss.Margin };

        protected override Tensor Search(AttackRun run) => run.Images.clone();
    }

    private sealed class DerivedPlain(ThreatModel threat) : Attack(threat)
    {
        public override string Name => "plain";

        protected override Tensor Search(AttackRun run) => run.Images;
    }

    private readonly struct Value(int steps) : IAttack
    {
        public string Name => "value";

        public ThreatModel Threat => _threat;

        public Tensor Perturb(IModule model, Tensor images, Tensor labels, AttackContext? context = null) => images + 0 * steps;
    }

    private sealed class Plain(ThreatModel threat) : IAttack
    {
        public string Name => "plain";

        public ThreatModel Threat => threat;

        public Tensor Perturb(IModule model, Tensor images, Tensor labels, AttackContext? context = null) => images;
    }

    private sealed class Telling(ThreatModel threat, int steps) : IAttack
    {
        public string Name => "telling";

        public ThreatModel Threat => threat;

        public Tensor Perturb(IModule model, Tensor images, Tensor labels, AttackContext? context = null) => images;

        public override string ToString() => $"telling {steps}";
    }

    private sealed class TellingChain(ThreatModel threat, IAttack[] attacks) : IAttack
    {
        public string Name => "telling chain";

        public ThreatModel Threat => threat;

        public Tensor Perturb(IModule model, Tensor images, Tensor labels, AttackContext? context = null) =>
            attacks[0].Perturb(model, images, labels, context);

        public override string ToString() => $"telling {attacks.Length}";
    }

    private sealed record Told(ThreatModel Threat, int Steps) : IAttack
    {
        public string Name => "told";

        public Tensor Perturb(IModule model, Tensor images, Tensor labels, AttackContext? context = null) => images;
    }
}

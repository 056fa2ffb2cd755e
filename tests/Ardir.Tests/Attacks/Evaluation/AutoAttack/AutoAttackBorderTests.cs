using Ardir.Attacks;
using Ardir.Core;

namespace Ardir.Tests;

/// <summary>AutoAttack before it runs: what it is made of, what it says of itself, and what it refuses.</summary>
public sealed class AutoAttackBorderTests
{
    private static readonly ThreatModel _threat = ThreatModel.Linf(0.05);

    [Fact]
    public void Constructor_NoThreat_IsNamed() =>
        FluentActions.Invoking(() => new AutoAttack(null!)).Should().Throw<ArgumentNullException>().WithParameterName("threat");

    [Fact]
    public void ToString_StandardAndOnesOwn_SaysWhatRuns()
    {
        new AutoAttack(_threat).ToString().Should().Be("AutoAttack-standard Linf(0.05) { Seed = 0, Attacks = standard }");
        Ensemble(new SquareAttack(_threat), new FgsmAttack(_threat)).ToString().Should()
            .Be($"AutoAttack-custom Linf(0.05) {{ Seed = 0, Attacks = {new SquareAttack(_threat)}; {new FgsmAttack(_threat)} }}");
    }

    [Fact]
    public void Evaluate_ShapeThatAnAttackCannotTake_IsRefusedBeforeTheModelIsAsked()
    {
        using var scope = NewDisposeScope();
        var counting = new CountingModel(new FuncModel(x => x));
        var square = new SquareAttack(_threat);
        foreach (var attack in new IAttack[] { square, new WorstCaseAttack("chain", new FgsmAttack(_threat), square), Ensemble(square) })
        {
            Ensemble(attack).Invoking(ensemble => ensemble.Evaluate(counting, rand(3, 4), tensor([0L, 1, 2])))
                .Should().Throw<ArgumentException>().WithMessage("images has shape [3,4]; the windows of Square need images*");
        }
        counting.Forwards.Should().BeEmpty();
    }

    [Fact]
    public void Perturb_GradientsThatCannotBeAveraged_AreRefusedBeforeTheModelIsAsked()
    {
        using var scope = NewDisposeScope();
        var counting = new CountingModel(new FuncModel(x => x));
        var threat = ThreatModel.L2(0.05);
        IAttack Chain(IAttack attack) => new WorstCaseAttack("chain", new PgdAttack(threat), attack);
        AutoAttack Custom(IAttack attack) => new(threat, new() { Version = AutoAttackVersion.Custom, Attacks = [new PgdAttack(threat), attack] });
        var deepFool = new DeepFoolAttack(threat);
        // Averaged by the caller, by the attack itself, around a chain, and by both a chain in a chain and the caller.
        foreach (var (attack, samples) in new (IAttack, int)[]
        {
            (Chain(deepFool), 2), (Custom(deepFool), 2), (Chain(new EotAttack(deepFool, 2)), 1), (Custom(new EotAttack(deepFool, 2)), 1),
            (Chain(new EotAttack(deepFool, 2)), 2), (Chain(new EotAttack(Chain(deepFool), 2)), 1), (Custom(new EotAttack(Chain(deepFool), 2)), 2),
        })
        {
            attack.Invoking(a => a.Perturb(counting, rand(3, 4), tensor([0L, 1, 2]), new() { EotSamples = samples }))
                .Should().Throw<InvalidOperationException>().WithMessage("DeepFool*");
        }
        counting.Forwards.Should().BeEmpty();
        FluentActions.Invoking(() => EnsembleThreat.CheckAveraging([Chain(new EotAttack(deepFool, 1))], samples: 1)).Should().NotThrow();
    }

    [Fact]
    public void Constructor_CurveUpToTheWholeBox_IsAllowedAndNothingAbove()
    {
        FluentActions.Invoking(() => new AutoAttack(_threat, new AutoAttackOptions { SecurityCurve = [1] })).Should().NotThrow();
        FluentActions.Invoking(() => new AutoAttack(_threat, new AutoAttackOptions { SecurityCurve = [Math.BitIncrement(1.0)] }))
            .Should().Throw<ArgumentException>().WithMessage("SecurityCurve holds 1.0000000000000002;*").WithParameterName("options");
        foreach (var curve in new double[]?[] { null, [0.1, 0], [-0.1], [double.NaN], [double.PositiveInfinity] })
            FluentActions.Invoking(() => new AutoAttack(_threat, new AutoAttackOptions { SecurityCurve = curve! }))
                .Should().Throw<ArgumentException>().WithMessage("SecurityCurve must hold positive finite budgets*").WithParameterName("SecurityCurve");
    }

    private static AutoAttack Ensemble(params IAttack[] attacks) =>
        new(_threat, new AutoAttackOptions { Version = AutoAttackVersion.Custom, Attacks = attacks, Diagnose = false });
}

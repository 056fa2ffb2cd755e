using Ardir.Attacks;
using Ardir.Core;

namespace Ardir.Tests;

/// <summary>Which attacks with which parameters an ensemble runs: the published ones, every option written out so that no default can hide a change.</summary>
public sealed class AttackCatalogTests
{
    [Fact]
    public void Of_StandardInLinfAndL2_AreTheFourPublishedAttacks()
    {
        foreach (var threat in new[] { ThreatModel.Linf(0.1), ThreatModel.L2(0.5) })
            Names(AutoAttackVersion.Standard, threat).Should().Equal(
                Text(new ApgdAttack(threat, Apgd(AttackLoss.CrossEntropy, Search() with { UseLargeRadii = false }))),
                Text(new TargetedApgdAttack(threat, TargetedApgd())),
                Text(new TargetedFabAttack(threat, TargetedFab())),
                Text(new SquareAttack(threat, Square())));
    }

    [Fact]
    public void Of_StandardInL1_HasFiveRestartsAndFiveTargetsWithLargeRadii()
    {
        var threat = ThreatModel.L1(12);
        Names(AutoAttackVersion.Standard, threat).Should().Equal(
            Text(new ApgdAttack(threat, Apgd(AttackLoss.CrossEntropy, Search() with { Restarts = 5, UseLargeRadii = true }))),
            Text(new TargetedApgdAttack(threat, TargetedApgd() with { Classes = 5 })),
            Text(new TargetedFabAttack(threat, TargetedFab())),
            Text(new SquareAttack(threat, Square())));
    }

    [Theory]
    [InlineData(PerturbationNorm.Linf)]
    [InlineData(PerturbationNorm.L2)]
    [InlineData(PerturbationNorm.L1)]
    public void Of_Plus_AreTheSixPublishedAttacksWithFiveRestartsOfTheFirstThree(PerturbationNorm norm)
    {
        var threat = Balls.Of(norm, 0.5);
        Names(AutoAttackVersion.Plus, threat).Should().Equal(
            Text(new ApgdAttack(threat, Apgd(AttackLoss.CrossEntropy, Search() with { Restarts = 5 }))),
            Text(new ApgdAttack(threat, Apgd(AttackLoss.Dlr, Search() with { Restarts = 5 }))),
            Text(new FabAttack(threat, Fab() with { Restarts = 5 })),
            Text(new SquareAttack(threat, Square())),
            Text(new TargetedApgdAttack(threat, TargetedApgd())),
            Text(new TargetedFabAttack(threat, TargetedFab())));
    }

    [Theory]
    [InlineData(PerturbationNorm.Linf)]
    [InlineData(PerturbationNorm.L2)]
    [InlineData(PerturbationNorm.L1)]
    public void Of_Rand_AveragesTwentyGradientsInBothLosses(PerturbationNorm norm)
    {
        var threat = Balls.Of(norm, 0.5);
        Names(AutoAttackVersion.Rand, threat).Should().Equal(
            Text(new EotAttack(new ApgdAttack(threat, Apgd(AttackLoss.CrossEntropy)), 20)),
            Text(new EotAttack(new ApgdAttack(threat, Apgd(AttackLoss.Dlr)), 20)));
    }

    [Theory]
    [InlineData(2, "APGD-margin")]
    [InlineData(3, "APGD-DLR")]
    public void Of_FewClasses_TakeTheMarginWhereTheRatioHasNoThirdLogit(long classes, string second)
    {
        var threat = ThreatModel.Linf(0.1);
        foreach (var version in new[] { AutoAttackVersion.Plus, AutoAttackVersion.Rand })
            AttackCatalog.Of(new AutoAttackOptions { Version = version }, threat, classes)[1].Name.Should().EndWith(second);
    }

    [Fact]
    public void Of_Custom_AreTheCallersInTheirOrder()
    {
        var threat = ThreatModel.Linf(0.1);
        IAttack[] own = [new SquareAttack(threat), new FgsmAttack(threat)];
        AttackCatalog.Of(new AutoAttackOptions { Version = AutoAttackVersion.Custom, Attacks = own }, threat, 10).Should().Equal(own);
    }

    [Fact]
    public void Defaults_AreThePublishedOnes()
    {
        new ApgdOptions().Should().Be(Apgd(AttackLoss.CrossEntropy));
        new TargetedApgdOptions().Should().Be(TargetedApgd());
        new FabOptions().Should().Be(Fab());
        new TargetedFabOptions().Should().Be(TargetedFab());
        new SquareOptions().Should().Be(Square());
        new AutoAttackOptions { SecurityCurve = [] }.Should().Be(new AutoAttackOptions
        {
            Version = AutoAttackVersion.Standard, Attacks = null, BatchSize = 256, Seed = 0, StatePath = null, Diagnose = true, SecurityCurve = [], Exhaustive = false,
        });
    }

    [Fact]
    public void Constructor_WithoutOptions_TakesTheDefaults()
    {
        var threat = ThreatModel.L2(0.5);
        Text(new ApgdAttack(threat)).Should().Be(Text(new ApgdAttack(threat, Apgd(AttackLoss.CrossEntropy))));
        Text(new TargetedApgdAttack(threat)).Should().Be(Text(new TargetedApgdAttack(threat, TargetedApgd())));
        Text(new FabAttack(threat)).Should().Be(Text(new FabAttack(threat, Fab())));
        Text(new TargetedFabAttack(threat)).Should().Be(Text(new TargetedFabAttack(threat, TargetedFab())));
        Text(new SquareAttack(threat)).Should().Be(Text(new SquareAttack(threat, Square())));
    }

    private static string[] Names(AutoAttackVersion version, ThreatModel threat) =>
        [.. AttackCatalog.Of(new AutoAttackOptions { Version = version }, threat, classes: 10).Select(Text)];

    private static string Text(IAttack attack) => $"{attack.Name}: {attack}";

    private static ApgdSearchOptions Search() => new()
    {
        Iterations = 100, Restarts = 1, Rho = 0.75, UseLargeRadii = true,
    };

    private static ApgdOptions Apgd(IAttackLoss loss, ApgdSearchOptions? search = null) => new() { Loss = loss, Search = search ?? Search() };

    private static TargetedApgdOptions TargetedApgd() => new() { Classes = 9, Search = Search(), GiveUp = true };

    private static FabOptions Fab() => new()
    {
        Iterations = 100, Restarts = 1, AlphaMax = 0.1, Eta = 1.05, Beta = 0.9, FinalSearch = false, MinimiseNorm = false, GiveUp = true,
    };

    private static TargetedFabOptions TargetedFab() => new() { Classes = 9, Search = Fab() };

    private static SquareOptions Square() => new()
    {
        Queries = 5000, InitialProbability = 0.8, Restarts = 1, RescaleSchedule = false, Loss = null, OfficialWindows = true, GiveUp = true,
    };
}

using Ardir.Core;

namespace Ardir.Attacks;

/// <summary>The attacks of each version, in order, with the parameters of the official ensemble.</summary>
internal static class AttackCatalog
{
    private const int ManyRestarts = 5;
    private const int RandomizedSamples = 20;
    private const int L1Targets = 5;

    public static IReadOnlyList<IAttack> Of(AutoAttackOptions options, ThreatModel threat, long classes) => options.Version switch
    {
        AutoAttackVersion.Standard or AutoAttackVersion.Fast => Standard(threat, !options.Exhaustive),
        AutoAttackVersion.Plus => Plus(threat, classes, !options.Exhaustive),
        AutoAttackVersion.Rand => Rand(threat, classes),
        _ => options.Attacks!,
    };

    private static IAttack[] Standard(ThreatModel threat, bool giveUp)
    {
        var isL1 = threat is NormThreatModel { Norm: PerturbationNorm.L1 };
        var targeted = new TargetedApgdOptions { GiveUp = giveUp };
        return
        [
            new ApgdAttack(threat, new ApgdOptions { Search = new() { Restarts = isL1 ? ManyRestarts : 1, UseLargeRadii = isL1 } }),
            new TargetedApgdAttack(threat, isL1 ? targeted with { Classes = L1Targets } : targeted),
            TargetedFab(threat, giveUp),
            Square(threat, giveUp),
        ];
    }

    private static TargetedFabAttack TargetedFab(ThreatModel threat, bool giveUp) =>
        new(threat, new TargetedFabOptions { Search = new() { GiveUp = giveUp } });

    private static SquareAttack Square(ThreatModel threat, bool giveUp) => new(threat, new SquareOptions { GiveUp = giveUp });

    private static IAttack[] Plus(ThreatModel threat, long classes, bool giveUp)
    {
        var many = new ApgdSearchOptions { Restarts = ManyRestarts };
        return
        [
            new ApgdAttack(threat, new ApgdOptions { Search = many }),
            new ApgdAttack(threat, new ApgdOptions { Search = many, Loss = RatioLoss(classes) }),
            new FabAttack(threat, new FabOptions { Restarts = ManyRestarts, GiveUp = giveUp }),
            Square(threat, giveUp),
            new TargetedApgdAttack(threat, new TargetedApgdOptions { GiveUp = giveUp }),
            TargetedFab(threat, giveUp),
        ];
    }

    private static IAttack[] Rand(ThreatModel threat, long classes) =>
    [
        new EotAttack(new ApgdAttack(threat), RandomizedSamples),
        new EotAttack(new ApgdAttack(threat, new ApgdOptions { Loss = RatioLoss(classes) }), RandomizedSamples),
    ];

    // DLR divides by z_1st - z_3rd and so needs a third class; models with two classes get the margin instead.
    private static IAttackLoss RatioLoss(long classes) => classes >= 3 ? AttackLoss.Dlr : AttackLoss.Margin;
}

using System.Globalization;
using Ardir.Attacks;
using Ardir.Core;

namespace Ardir.Distillation;

/// <summary>The attacks that plans can name.</summary>
internal static class ExperimentAttacks
{
    private const string PgdPrefix = "PGD-";
    private const int FastTargets = 4;

    /// <summary>Makes an attack.</summary>
    /// <param name="attack">What the plan says.</param>
    /// <param name="setup">The experiment.</param>
    /// <param name="seed">Seed of the run.</param>
    /// <param name="statePath">Where an ensemble saves its state; null for nowhere.</param>
    public static IAttack Create(ExperimentAttack attack, ExperimentSetup setup, ulong seed, string? statePath)
    {
        var threat = setup.Threat;
        if (setup.Options.Attacks.TryGetValue(attack.Name, out var create)) return WithoutStepSize(attack, create(threat));
        if (attack.Name == "FGSM") return new FgsmAttack(threat, new FgsmOptions { StepSize = attack.StepSize });
        if (Steps(attack.Name) is { } steps)
            return Pgd(threat, steps, attack.StepSize);
        return WithoutStepSize(attack, attack.Name switch
        {
            "APGD-CE" => new ApgdAttack(threat),
            "APGD-T" => new TargetedApgdAttack(threat),
            "AutoAttack" => new AutoAttack(threat, new AutoAttackOptions { Seed = seed, StatePath = statePath }),
            "AutoAttack-fast" => new AutoAttack(
                threat, new AutoAttackOptions { Version = AutoAttackVersion.Fast, Seed = seed, StatePath = statePath }),
            "Fast" => new AutoAttack(threat, Fast(threat) with { Seed = seed, StatePath = statePath }),
            _ => throw new FormatException(
                $"The plan names the attack '{attack.Name}', which does not exist. Attacks: FGSM, PGD-20 (any number of steps), APGD-CE, "
                    + $"APGD-T, AutoAttack, AutoAttack-fast, Fast{string.Concat(setup.Options.Attacks.Keys.Select(name => ", " + name))}."),
        });
    }

    /// <summary>PGD that leaves an image alone once it is misclassified.</summary>
    /// <param name="threat">The norm ball.</param>
    /// <param name="steps">Gradient steps.</param>
    /// <param name="stepSize">In pixel units; null for a quarter of epsilon.</param>
    public static PgdAttack Pgd(NormThreatModel threat, int steps, double? stepSize) => new(threat, new PgdOptions
    {
        Steps = steps, StepSize = stepSize ?? threat.Epsilon / 4, Selection = PgdSelection.FirstSuccess,
    });

    /// <summary>What the result of an attack depends on, besides the network.</summary>
    public static string Identity(ExperimentAttack attack, ExperimentSetup setup, ulong seed) => string.Create(CultureInfo.InvariantCulture,
        $"{StatedIdentity.WithWeights(Create(attack, setup, seed, null))}; "
            + $"{attack.Images ?? setup.Images.Test.Count} of {setup.TestFingerprint}");

    private static AutoAttackOptions Fast(NormThreatModel threat) => new()
    {
        Version = AutoAttackVersion.Custom,
        Attacks = [new ApgdAttack(threat), new TargetedApgdAttack(threat, new TargetedApgdOptions { Classes = FastTargets })],
    };

    private static int? Steps(string name) =>
        name.StartsWith(PgdPrefix, StringComparison.Ordinal)
            && int.TryParse(name.AsSpan(PgdPrefix.Length), NumberStyles.None, CultureInfo.InvariantCulture, out var steps) && steps > 0
            ? steps
            : null;

    private static IAttack WithoutStepSize(ExperimentAttack attack, IAttack made) => attack.StepSize is null
        ? made
        : throw new FormatException($"The attack '{attack.Name}' has no step size; only FGSM and PGD have one.");
}

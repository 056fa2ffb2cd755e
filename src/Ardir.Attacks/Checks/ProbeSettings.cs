using Ardir.Core;

namespace Ardir.Attacks;

/// <summary>What the checks of an evaluation depend on besides the model.</summary>
internal sealed record ProbeSettings
{
    private const int ClassesOfTargetedRatio = 4;

    public required ProbeDepth Depth { get; init; }

    /// <summary>What the attacks may do; null when there is none.</summary>
    public ThreatModel? Threat { get; init; }

    /// <summary>Whether the evaluation is made for models that answer at random.</summary>
    public bool ExpectsNoise { get; init; }

    /// <summary>How many classes the losses of the attacks need.</summary>
    public int ClassesNeeded { get; init; }

    /// <summary>Whether any of the attacks may do all that the threat model allows, so that FGSM is no stronger than they may be.</summary>
    public bool CoversThreat { get; init; } = true;

    /// <summary>The settings for some attacks, all with one threat model.</summary>
    public static ProbeSettings Of(ProbeDepth depth, params IReadOnlyList<IAttack> attacks) => new()
    {
        Depth = depth,
        Threat = attacks.Count == 0 ? null : attacks[0].Threat,
        ClassesNeeded = attacks.Any(attack => attack is TargetedApgdAttack) ? ClassesOfTargetedRatio : 0,
        CoversThreat = attacks.Any(attack => attack.CoversThreat),
    };
}

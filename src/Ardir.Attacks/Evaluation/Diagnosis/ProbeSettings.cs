using Ardir.Core;

namespace Ardir.Attacks;

/// <summary>What the checks of an evaluation depend on besides the model.</summary>
internal sealed record ProbeSettings
{
    private const int ClassesOfTargetedRatio = 4;

    public required EvaluationChecks Checks { get; init; }

    /// <summary>Threat model of the attacks; null when there is no attack.</summary>
    public ThreatModel? Threat { get; init; }

    /// <summary>Whether the evaluation is designed for randomised models, so that randomness is not a finding.</summary>
    public bool ExpectsNoise { get; init; }

    /// <summary>How many classes the losses of the attacks need.</summary>
    public int ClassesNeeded { get; init; }

    /// <summary>Whether any of the attacks may use the whole threat set, so that FGSM should not find more than they do.</summary>
    public bool CoversThreat { get; init; } = true;

    /// <summary>The settings for some attacks, all with one threat model.</summary>
    public static ProbeSettings Of(EvaluationChecks checks, params IReadOnlyList<IAttack> attacks) => new()
    {
        Checks = checks,
        Threat = attacks.Count == 0 ? null : attacks[0].Threat,
        ClassesNeeded = attacks.Any(attack => EotAttack.Unwrap(attack).Attack is TargetedApgdAttack) ? ClassesOfTargetedRatio : 0,
        CoversThreat = attacks.Any(attack => attack.CoversThreat),
    };
}

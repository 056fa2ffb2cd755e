namespace Ardir.Attacks;

/// <summary>Options of <see cref="RobustnessEvaluator"/>.</summary>
public sealed record EvaluationOptions
{
    /// <summary>Images per batch, at least 1. Results do not depend on it, up to rounding.</summary>
    /// <value>256 by default.</value>
    public int BatchSize { get; init; } = 256;

    /// <summary>Seed, cancellation, logging and progress of the attack. Targets and sample indices must be null.</summary>
    /// <value>null by default: all defaults.</value>
    public AttackContext? Context { get; init; }

    /// <summary>Receives the number of images done after every batch.</summary>
    /// <value>null by default.</value>
    public IProgress<int>? Progress { get; init; }

    /// <summary>Also runs those checks behind <see cref="RobustnessResult.Findings"/> that cost passes through the model, about 30
    /// evaluations of the first batch: <see cref="FindingKind.Randomized"/>, <see cref="FindingKind.DynamicModel"/> and, with an
    /// attack, <see cref="FindingKind.VanishingGradient"/>, <see cref="FindingKind.WeakerThanFgsm"/> and
    /// <see cref="FindingKind.ResistsHugeBudget"/>. All other checks always run.</summary>
    /// <value>false by default.</value>
    public bool Diagnose { get; init; }
}

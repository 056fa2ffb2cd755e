using Ardir.Attacks;

namespace Ardir.Distillation;

/// <summary>Options of <see cref="RobustOverfittingReport.Measure"/>.</summary>
public sealed record RobustOverfittingOptions
{
    /// <summary>Uses at most this many images of each set, the first ones. Attacking the whole training set takes the most time.</summary>
    /// <value>null by default: all.</value>
    public int? Images { get; init; }

    /// <summary>Images per batch, at least 1.</summary>
    /// <value>256 by default.</value>
    public int BatchSize { get; init; } = 256;

    /// <summary>Seed, logger and cancellation of the attack.</summary>
    /// <value>null by default: all defaults.</value>
    public AttackContext? Context { get; init; }

    internal void Validate()
    {
        if (Images < 1) throw new ArgumentOutOfRangeException(nameof(Images), Images, "Images must be at least 1, or null for all.");
        if (BatchSize < 1) throw new ArgumentOutOfRangeException(nameof(BatchSize), BatchSize, "BatchSize must be at least 1.");
    }
}

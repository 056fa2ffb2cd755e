using Ardir.Attacks;

namespace Ardir.Distillation;

/// <summary>What one step works with besides its batch.</summary>
internal sealed record StepContext
{
    public required StudentWeights Weights { get; init; }

    public required RunOptimizer Optimizer { get; init; }

    public required StepHealth Health { get; init; }

    /// <summary>Adds up the gradients of several ranks; null for a single one.</summary>
    public GradientReduction? Reduction { get; init; }

    /// <summary>What the frozen networks answered before; null for nothing.</summary>
    public KeptOutputs? Kept { get; init; }

    /// <summary>Receives loss and predictions of the step.</summary>
    public required EpochTotals Totals { get; init; }

    /// <summary>Seed and sample numbers of the batch's attacks.</summary>
    public required AttackContext Attack { get; init; }

    public int Epoch { get; init; }

    public int Step { get; init; }
}

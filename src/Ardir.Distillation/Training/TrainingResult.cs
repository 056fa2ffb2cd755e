namespace Ardir.Distillation;

/// <summary>A finished run.</summary>
public sealed record TrainingResult
{
    /// <summary>Every epoch, in order, including those before an interruption.</summary>
    public required IReadOnlyList<EpochMetrics> Epochs { get; init; }

    /// <summary>The epoch with the highest robust accuracy (clean accuracy without a selection attack; the earlier one on ties);
    /// the last epoch without a validation set.</summary>
    public required EpochMetrics Best { get; init; }

    /// <summary>How the adversarial images were made: the attack and the batch-norm mode for each kind.</summary>
    public required CraftingPlan Crafting { get; init; }

    /// <summary>The last epoch. Its weights are in the student; <see cref="DistillationTrainer.RestoreBest"/> replaces them by
    /// the best.</summary>
    public EpochMetrics Last => Epochs[^1];
}

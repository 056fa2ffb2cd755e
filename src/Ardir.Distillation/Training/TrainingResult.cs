namespace Ardir.Distillation;

/// <summary>A finished run.</summary>
public sealed record TrainingResult
{
    /// <summary>Every epoch, in order, those before an interruption included.</summary>
    public required IReadOnlyList<EpochMetrics> Epochs { get; init; }

    /// <summary>The epoch with the highest robust accuracy (clean accuracy without a selection attack; the earlier on ties); the last without a validation set.</summary>
    public required EpochMetrics Best { get; init; }

    /// <summary>The last epoch. Its weights are in the student; <see cref="DistillationTrainer.RestoreBest"/> puts the best in their place.</summary>
    public EpochMetrics Last => Epochs[^1];
}

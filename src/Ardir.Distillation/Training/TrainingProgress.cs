namespace Ardir.Distillation;

/// <summary>The progress of a run.</summary>
public sealed record TrainingProgress
{
    /// <summary>What the trainer is doing.</summary>
    public required TrainingPhase Phase { get; init; }

    /// <summary>The epoch, from 0.</summary>
    public required int Epoch { get; init; }

    /// <summary>Epochs of the run.</summary>
    public required int Epochs { get; init; }

    /// <summary>Steps of the phase done.</summary>
    public required int Step { get; init; }

    /// <summary>Steps of the phase.</summary>
    public required int Steps { get; init; }

    /// <summary>Mean training loss of the epoch so far; null when it was not read (each reading waits for the device) or while
    /// evaluating.</summary>
    public double? Loss { get; init; }

    /// <summary>Time since Fit began.</summary>
    public required TimeSpan Elapsed { get; init; }

    /// <summary>Estimated time to the end of the run, from the epochs and steps of this process; null before the first.</summary>
    public TimeSpan? Remaining { get; init; }

    /// <summary>The metrics of the epoch, at its end.</summary>
    public EpochMetrics? Metrics { get; init; }

    /// <summary>The epochs done so far, in order, including those before an interruption; at the end of an epoch, that epoch is
    /// the last.</summary>
    /// <value>Empty in the first epoch.</value>
    public IReadOnlyList<EpochMetrics> History { get; init; } = [];
}

namespace Ardir.Distillation;

/// <summary>How far a run is.</summary>
public sealed record TrainingProgress
{
    /// <summary>What is going on.</summary>
    public required TrainingPhase Phase { get; init; }

    /// <summary>The epoch, from 0.</summary>
    public required int Epoch { get; init; }

    /// <summary>Epochs of the run.</summary>
    public required int Epochs { get; init; }

    /// <summary>Steps of the phase done.</summary>
    public required int Step { get; init; }

    /// <summary>Steps of the phase.</summary>
    public required int Steps { get; init; }

    /// <summary>Mean training loss of the epoch so far; null when it was not read (each reading waits for the device) or while evaluating.</summary>
    public double? Loss { get; init; }

    /// <summary>Time since Fit began.</summary>
    public required TimeSpan Elapsed { get; init; }

    /// <summary>Estimated time to the end of the run, from the epochs and steps of this process; null before the first.</summary>
    public TimeSpan? Remaining { get; init; }

    /// <summary>The metrics of the epoch, at its end.</summary>
    public EpochMetrics? Metrics { get; init; }

    /// <summary>The epochs done so far, in order, those before an interruption included; at the end of an epoch it is the last of them.</summary>
    /// <value>Empty in the first epoch.</value>
    public IReadOnlyList<EpochMetrics> History { get; init; } = [];
}

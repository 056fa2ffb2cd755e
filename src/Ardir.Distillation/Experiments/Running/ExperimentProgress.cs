using Ardir.Attacks;

namespace Ardir.Distillation;

/// <summary>How far an experiment is.</summary>
public sealed record ExperimentProgress
{
    /// <summary>Name of the method that is being trained or attacked; empty while this process waits for another one.</summary>
    public required string Method { get; init; }

    /// <summary>The seed of that run.</summary>
    public required ulong Seed { get; init; }

    /// <summary>What is being done, for example "training" or "AutoAttack, best weights".</summary>
    public required string Activity { get; init; }

    /// <summary>Finished runs, those of other processes included.</summary>
    public required int Done { get; init; }

    /// <summary>Runs of the plan.</summary>
    public required int Runs { get; init; }

    /// <summary>Progress of the training, while there is one.</summary>
    public TrainingProgress? Training { get; init; }

    /// <summary>Progress of an attack on a batch, while there is one.</summary>
    public AttackProgress? Attack { get; init; }

    /// <summary>Estimated time to the end of the plan if no other process helps: by the runs that are done, and until the first is done by
    /// the pace of its training, without attacks; null before anything is known.</summary>
    public TimeSpan? Remaining { get; init; }

    /// <summary>The record, at the end of each run.</summary>
    public RunRecord? Record { get; init; }
}

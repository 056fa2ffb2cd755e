namespace Ardir.Distillation;

/// <summary>What a trainer is doing.</summary>
public enum TrainingPhase
{
    /// <summary>Training steps.</summary>
    Train,

    /// <summary>Evaluating on the validation set.</summary>
    Evaluate,

    /// <summary>An epoch has ended; its metrics are known and on disk.</summary>
    EpochEnd,
}

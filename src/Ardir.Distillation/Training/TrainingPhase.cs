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

    /// <summary>A run goes on from its checkpoint (or is finished already): the epochs in it are in <see cref="TrainingProgress.History"/>. Told once, before all else,
    /// so that a log which missed the last of them catches up.</summary>
    Resume,
}

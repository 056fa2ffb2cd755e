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

    /// <summary>A run resumes from its checkpoint (or is finished already): the epochs in it are in
    /// <see cref="TrainingProgress.History"/>. Reported once, before everything else, so that a log that missed the last of them
    /// can catch up.</summary>
    Resume,
}

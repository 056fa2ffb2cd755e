namespace Ardir.Distillation;

/// <summary>
/// The learning rate over a run as a multiple of <see cref="TrainerOptions.LearningRate"/>. A function of the moment alone, so
/// that a resumed run needs no state. It is part of what a resumed run recognises (<see cref="Core.StatedIdentity"/>): a record
/// states its properties by itself.
/// </summary>
public interface ILearningRateSchedule
{
    /// <summary>The factor for one step.</summary>
    /// <param name="moment">The step.</param>
    /// <returns>Not negative and finite.</returns>
    double Factor(TrainingMoment moment);
}

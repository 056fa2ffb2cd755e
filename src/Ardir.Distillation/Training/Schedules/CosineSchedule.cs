namespace Ardir.Distillation;

/// <summary>Falls from 1 to <see cref="Final"/> along half a cosine, step by step (Loshchilov and Hutter 2017, without restarts).</summary>
public sealed record CosineSchedule : ILearningRateSchedule
{
    private readonly double _final;

    /// <summary>Creates the schedule.</summary>
    /// <param name="final">Factor at the end, in [0,1].</param>
    /// <exception cref="ArgumentOutOfRangeException">Out of range.</exception>
    public CosineSchedule(double final = 0) => Final = final;

    /// <summary>Factor at the end, in [0,1].</summary>
    /// <value>0 by default.</value>
    public double Final
    {
        get => _final;
        init => _final = ScheduleGuard.Share(value, nameof(Final));
    }

    /// <inheritdoc/>
    public double Factor(TrainingMoment moment) => ScheduleGuard.Cosine(1, Final, moment.Done / (double)moment.Total);
}

namespace Ardir.Distillation;

/// <summary>Falls in a straight line from 1 to <see cref="Final"/>, step by step.</summary>
public sealed record LinearSchedule : ILearningRateSchedule
{
    private readonly double _final;

    /// <summary>Creates the schedule.</summary>
    /// <param name="final">Factor at the end, in [0,1].</param>
    /// <exception cref="ArgumentOutOfRangeException">Out of range.</exception>
    public LinearSchedule(double final = 0) => Final = final;

    /// <summary>Factor at the end, in [0,1].</summary>
    /// <value>0 by default.</value>
    public double Final
    {
        get => _final;
        init => _final = ScheduleGuard.Share(value, nameof(Final));
    }

    /// <inheritdoc/>
    public double Factor(TrainingMoment moment) => 1 + (Final - 1) * (moment.Done / (double)moment.Total);
}

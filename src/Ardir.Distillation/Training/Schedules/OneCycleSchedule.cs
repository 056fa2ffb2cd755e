namespace Ardir.Distillation;

/// <summary>
/// Rises from <c>1 / StartDivisor</c> to 1 and falls to <c>1 / (StartDivisor * FinalDivisor)</c>, both along half a cosine, step
/// by step (Smith and Topin 2018; the values of PyTorch's OneCycleLR). <see cref="TrainerOptions.LearningRate"/> is the peak.
/// Momentum stays as it is.
/// </summary>
public sealed record OneCycleSchedule : ILearningRateSchedule
{
    private readonly double _rise = 0.3;
    private readonly double _startDivisor = 25;
    private readonly double _finalDivisor = 1e4;

    /// <summary>Share of the run in which the learning rate rises, in (0,1).</summary>
    /// <value>0.3 by default.</value>
    public double Rise
    {
        get => _rise;
        init => _rise = value > 0 && value < 1
            ? value
            : throw new ArgumentOutOfRangeException(nameof(Rise), value, "Rise must be in (0,1).");
    }

    /// <summary>The peak divided by the first value, at least 1.</summary>
    /// <value>25 by default.</value>
    public double StartDivisor
    {
        get => _startDivisor;
        init => _startDivisor = ScheduleGuard.Divisor(value, nameof(StartDivisor));
    }

    /// <summary>The first value divided by the last, at least 1.</summary>
    /// <value>10,000 by default.</value>
    public double FinalDivisor
    {
        get => _finalDivisor;
        init => _finalDivisor = ScheduleGuard.Divisor(value, nameof(FinalDivisor));
    }

    /// <inheritdoc/>
    public double Factor(TrainingMoment moment)
    {
        var (start, end) = (1 / StartDivisor, 1 / (StartDivisor * FinalDivisor));
        // The peak and the end are themselves steps, numbered from 0, hence one less than a count of steps.
        var peak = Rise * moment.Total - 1;
        var last = moment.Total - 1.0;
        // When the rise is the first step alone, that step is the peak, and dividing by its number would divide by 0.
        if (moment.Done <= peak) return peak == 0 ? 1 : ScheduleGuard.Cosine(start, 1, moment.Done / peak);
        return last <= peak ? 1 : ScheduleGuard.Cosine(1, end, (moment.Done - peak) / (last - peak));
    }
}

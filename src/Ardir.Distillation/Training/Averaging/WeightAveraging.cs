namespace Ardir.Distillation;

/// <summary>
/// An average of the student's weights, kept beside them and evaluated after each epoch: <see cref="StochasticWeightAveraging"/> or
/// <see cref="ExponentialMovingAverage"/>. <see cref="DistillationTrainer.RestoreAverage"/> puts it into the student.
/// </summary>
public abstract record WeightAveraging
{
    private protected WeightAveraging()
    {
    }

    /// <summary>The first epoch, from 0, whose weights count.</summary>
    /// <value>55 for SWA, as in the code of AKD2; 0 for EMA.</value>
    public int StartEpoch { get; init; }

    internal virtual void Validate()
    {
        if (StartEpoch < 0) throw new ArgumentOutOfRangeException(nameof(StartEpoch), StartEpoch, "StartEpoch must be at least 0.");
    }
}

namespace Ardir.Distillation;

/// <summary>
/// After every step the average becomes Decay * average + (1 - Decay) * weights, beginning with the weights after the first step
/// of the first epoch that counts. Buffers (the statistics of batch norm) are the student's.
/// </summary>
public sealed record ExponentialMovingAverage : WeightAveraging
{
    /// <summary>Factor of the previous average in each step, in (0,1).</summary>
    /// <value>0.999 by default.</value>
    public double Decay { get; init; } = 0.999;

    internal override void Validate()
    {
        base.Validate();
        if (!(Decay > 0 && Decay < 1)) throw new ArgumentOutOfRangeException(nameof(Decay), Decay, "Decay must be in (0,1).");
    }
}

namespace Ardir.Distillation;

/// <summary>Options of <see cref="IadTwoTeacherLoss"/>. What the two weights leave of 1 is the weight of the cross-entropy.</summary>
public sealed record IadTwoTeacherLossOptions
{
    /// <summary>Weight of the robust teacher and of the student itself (alpha 1), in [0,1].</summary>
    /// <value>0.5 by default, as in the released code.</value>
    public double RobustWeight { get; init; } = 0.5;

    /// <summary>Weight of the ordinarily trained teacher (alpha 2), in [0,1]; with <see cref="RobustWeight"/> at most 1.</summary>
    /// <value>0.25 by default, as in the released code.</value>
    public double StandardWeight { get; init; } = 0.25;

    /// <summary>Exponent of the trust A = T(x')_y ^ beta, finite and not negative: 0 trusts the teacher always.</summary>
    /// <value>0.1 by default, as in the released code.</value>
    public double Beta { get; init; } = 0.1;

    /// <summary>The epoch, from 0, from which on trust counts; before it the robust teacher is always trusted.</summary>
    /// <value>40 by default, as in the released code.</value>
    public int Begin { get; init; } = 40;

    /// <summary>Temperature of the teachers' terms, positive. The student's own answers have none, but share the factor t^2.</summary>
    /// <value>1 by default.</value>
    public double Temperature { get; init; } = 1;

    /// <summary>Makes the student's answer on the clean image a constant, so that only the answer on the adversarial image moves.</summary>
    /// <value>false by default: the released code lets gradients into both.</value>
    public bool DetachClean { get; init; }

    internal void Validate()
    {
        LossGuard.Share(RobustWeight);
        LossGuard.Share(StandardWeight);
        if (RobustWeight + StandardWeight > 1)
            throw new ArgumentException($"RobustWeight {RobustWeight} and StandardWeight {StandardWeight} add up to more than 1; the rest is the weight of the cross-entropy.", nameof(StandardWeight));
        LossGuard.Weight(Beta);
        LossGuard.Epoch(Begin);
        LossGuard.Temperature(Temperature);
    }
}

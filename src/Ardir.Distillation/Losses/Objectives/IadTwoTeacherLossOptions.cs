namespace Ardir.Distillation;

/// <summary>Options of <see cref="IadTwoTeacherLoss"/>. The weight of the cross-entropy is 1 minus the two weights.</summary>
public sealed record IadTwoTeacherLossOptions
{
    /// <summary>Weight of the robust teacher's term and of the student's own (alpha 1), in [0,1].</summary>
    /// <value>0.5 by default, as in the released code.</value>
    public double RobustWeight { get; init; } = 0.5;

    /// <summary>Weight of the ordinarily trained teacher (alpha 2), in [0,1]; with <see cref="RobustWeight"/> at most 1.</summary>
    /// <value>0.25 by default, as in the released code.</value>
    public double StandardWeight { get; init; } = 0.25;

    /// <summary>Exponent of the trust A = T(x')_y ^ beta, finite and not negative: with 0 the trust is always 1.</summary>
    /// <value>0.1 by default, as in the released code.</value>
    public double Beta { get; init; } = 0.1;

    /// <summary>The first epoch, counted from 0, in which the trust counts; before it the trust is 1.</summary>
    /// <value>40 by default, as in the released code.</value>
    public int Begin { get; init; } = 40;

    /// <summary>Temperature of the teachers' terms, positive. The KL to the student's own prediction always has temperature 1, but shares
    /// the factor t^2.</summary>
    /// <value>1 by default.</value>
    public double Temperature { get; init; } = 1;

    /// <summary>Makes the student's prediction on the clean image a constant in its KL term, so that the term's gradient reaches only the
    /// prediction on the adversarial image.</summary>
    /// <value>false by default: the released code propagates gradients through both.</value>
    public bool DetachClean { get; init; }

    internal void Validate()
    {
        LossGuard.Share(RobustWeight);
        LossGuard.Share(StandardWeight);
        if (RobustWeight + StandardWeight > 1)
        {
            throw new ArgumentException(
                $"RobustWeight {RobustWeight} and StandardWeight {StandardWeight} add up to more than 1; " +
                "the rest is the weight of the cross-entropy.",
                nameof(StandardWeight));
        }
        LossGuard.Weight(Beta);
        LossGuard.Epoch(Begin);
        LossGuard.Temperature(Temperature);
    }
}

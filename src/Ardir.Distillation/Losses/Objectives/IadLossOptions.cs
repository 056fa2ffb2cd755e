namespace Ardir.Distillation;

/// <summary>Options of <see cref="IadLoss"/>.</summary>
public sealed record IadLossOptions
{
    /// <summary>Exponent of the trust A = T(x')_y ^ beta, finite and not negative: with 0 the trust is always 1.</summary>
    /// <value>0.1 by default, as in the released code.</value>
    public double Beta { get; init; } = 0.1;

    /// <summary>The first epoch, counted from 0, in which the trust counts; before it the loss is ARD.</summary>
    /// <value>60 by default, as in the released code.</value>
    public int Begin { get; init; } = 60;

    /// <summary>Weight of the two KL terms (to the teacher and to the student's own prediction), in [0,1]; the rest is the weight of the
    /// cross-entropy on clean images.</summary>
    /// <value>1 by default, as in the released code.</value>
    public double Alpha { get; init; } = 1;

    /// <summary>Temperature of the teacher's term, positive. The KL to the student's own prediction always has temperature 1.</summary>
    /// <value>1 by default.</value>
    public double Temperature { get; init; } = 1;

    /// <summary>Multiplies the teacher's term by the trust, as the paper's general form and IAD-II do.</summary>
    /// <value>false by default: the released code of IAD-I does not.</value>
    public bool WeighTeacher { get; init; }

    /// <summary>Makes the student's prediction on the clean image a constant in its KL term, so that the term's gradient reaches only the
    /// prediction on the adversarial image.</summary>
    /// <value>false by default: the released code propagates gradients through both.</value>
    public bool DetachClean { get; init; }

    internal void Validate()
    {
        LossGuard.Weight(Beta);
        LossGuard.Epoch(Begin);
        LossGuard.Share(Alpha);
        LossGuard.Temperature(Temperature);
    }
}

namespace Ardir.Distillation;

/// <summary>Options of <see cref="IadLoss"/>.</summary>
public sealed record IadLossOptions
{
    /// <summary>Exponent of the trust A = T(x')_y ^ beta, finite and not negative: 0 trusts the teacher always.</summary>
    /// <value>0.1 by default, as in the released code.</value>
    public double Beta { get; init; } = 0.1;

    /// <summary>The epoch, from 0, from which on trust counts; before it the loss is ARD.</summary>
    /// <value>60 by default, as in the released code.</value>
    public int Begin { get; init; } = 60;

    /// <summary>Share of what is learned from teacher and self, in [0,1]; the rest is cross-entropy on clean images.</summary>
    /// <value>1 by default, as in the released code.</value>
    public double Alpha { get; init; } = 1;

    /// <summary>Temperature of the teacher's term, positive. The student's own answers have none.</summary>
    /// <value>1 by default.</value>
    public double Temperature { get; init; } = 1;

    /// <summary>Multiplies the teacher's term by the trust, as the paper's general form and IAD-II do.</summary>
    /// <value>false by default: the released code of IAD-I does not.</value>
    public bool WeighTeacher { get; init; }

    /// <summary>Makes the student's answer on the clean image a constant, so that only the answer on the adversarial image moves.</summary>
    /// <value>false by default: the released code lets gradients into both.</value>
    public bool DetachClean { get; init; }

    internal void Validate()
    {
        LossGuard.Weight(Beta);
        LossGuard.Epoch(Begin);
        LossGuard.Share(Alpha);
        LossGuard.Temperature(Temperature);
    }
}

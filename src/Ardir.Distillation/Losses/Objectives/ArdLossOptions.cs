namespace Ardir.Distillation;

/// <summary>Options of <see cref="ArdLoss"/>.</summary>
public sealed record ArdLossOptions
{
    /// <summary>Share of the soft labels, in [0,1]: alpha * KL + (1-alpha) * CE.</summary>
    /// <value>1 by default, as in the ARD code and in the ARDIR paper.</value>
    public double Alpha { get; init; } = 1;

    /// <summary>The KL term. The ARD code uses temperature 30 and <see cref="KlReduction.ElementMean"/>; the ARDIR paper uses temperature 1
    /// on CIFAR-10 and 30 for a robust teacher on clean SVHN images. ARD replaces no labels; with
    /// <see cref="LabelReplacement.Probabilities"/> it is ARDIR with beta = 0.</summary>
    /// <value>The defaults of <see cref="KlDivergenceLossOptions"/>: temperature 1, no labels replaced.</value>
    public KlDivergenceLossOptions Kl { get; init; } = new();

    /// <summary>Which teacher sees which data.</summary>
    /// <value><see cref="TeacherData.RobustClean"/> by default.</value>
    public TeacherData TeacherData { get; init; } = TeacherData.RobustClean;

    /// <summary>On which images the cross-entropy is taken. Irrelevant with alpha = 1.</summary>
    /// <value><see cref="HardLabelInput.Adversarial"/> by default.</value>
    public HardLabelInput HardLabelInput { get; init; } = HardLabelInput.Adversarial;

    internal void Validate()
    {
        LossGuard.Share(Alpha);
        ArgumentNullException.ThrowIfNull(Kl);
        LossGuard.Defined(TeacherData);
        LossGuard.Defined(HardLabelInput);
    }
}

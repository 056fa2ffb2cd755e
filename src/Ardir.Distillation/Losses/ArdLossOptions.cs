namespace Ardir.Distillation;

/// <summary>Options of <see cref="ArdLoss"/>.</summary>
public sealed record ArdLossOptions
{
    /// <summary>Share of the soft labels, in [0,1]: alpha * KL + (1-alpha) * CE.</summary>
    /// <value>1 by default, as in the ARD code and in the ARDIR paper.</value>
    public double Alpha { get; init; } = 1;

    /// <summary>Temperature of the KL term, positive. The ARD code uses 30; the ARDIR paper uses 1 on CIFAR-10 and 30 for a robust teacher
    /// on clean SVHN images.</summary>
    /// <value>1 by default.</value>
    public double Temperature { get; init; } = 1;

    /// <summary>Which teacher sees which data.</summary>
    /// <value><see cref="TeacherData.RobustClean"/> by default.</value>
    public TeacherData TeacherData { get; init; } = TeacherData.RobustClean;

    /// <summary>What to do with labels that the teacher gets wrong. ARD itself replaces none; with
    /// <see cref="LabelReplacement.Probabilities"/> it is ARDIR with beta = 0.</summary>
    /// <value><see cref="LabelReplacement.None"/> by default.</value>
    public LabelReplacement LabelReplacement { get; init; } = LabelReplacement.None;

    /// <summary>Averaging of the KL term; the ARD code's is <see cref="KlReduction.ElementMean"/>.</summary>
    /// <value><see cref="KlReduction.BatchMean"/> by default.</value>
    public KlReduction KlReduction { get; init; } = KlReduction.BatchMean;

    /// <summary>On which images the cross-entropy is taken. Irrelevant with alpha = 1.</summary>
    /// <value><see cref="HardLabelInput.Adversarial"/> by default.</value>
    public HardLabelInput HardLabelInput { get; init; } = HardLabelInput.Adversarial;

    internal KlDivergenceLossOptions Kl => new()
    {
        Temperature = Temperature,
        LabelReplacement = LabelReplacement,
        Reduction = KlReduction,
    };

    internal void Validate()
    {
        LossGuard.Share(Alpha);
        LossGuard.Defined(TeacherData);
        LossGuard.Defined(HardLabelInput);
    }
}

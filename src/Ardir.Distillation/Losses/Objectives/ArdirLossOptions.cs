namespace Ardir.Distillation;

/// <summary>
/// Options of <see cref="ArdirLoss"/>. The paper leaves several details open; every default is the interpretation that its text, its
/// numbers or the papers it builds on support, and the other interpretations are options here (docs/ardir.md lists them).
/// </summary>
public sealed record ArdirLossOptions
{
    /// <summary>Share of the feature distance, in [0,1]: (1-beta)*KL + beta*LPIPS. 0 is ARD; 1 uses no label at all.</summary>
    /// <value>0.6 by default, the paper's value for a robust teacher on clean CIFAR-10 images.</value>
    public double Beta { get; init; } = 0.6;

    /// <summary>The KL term: temperature, averaging, argument order, and what to do with labels that the teacher gets wrong (section
    /// 3.3). A <see cref="KlDivergenceLossOptions.LabelReplacement"/> of null means <see cref="LabelReplacement.Probabilities"/>
    /// here.</summary>
    /// <value>The defaults of <see cref="KlDivergenceLossOptions"/>: temperature 1, as in all reported rows. Eq. 6 lacks the temperature
    /// squared, but beta = 0 must equal ARD, which has it.</value>
    public KlDivergenceLossOptions Kl { get; init; } = new();

    /// <summary>The feature distance: layers, normalisation (Eq. 8 to 10), form (Eq. 7 and 11), adapters.</summary>
    /// <value>The defaults of <see cref="LpipsInternalLossOptions"/>: the stage outputs <c>layer*</c>.</value>
    public LpipsInternalLossOptions Features { get; init; } = new();

    /// <summary>Which teacher sees which data.</summary>
    /// <value><see cref="TeacherData.RobustClean"/> by default.</value>
    public TeacherData TeacherData { get; init; } = TeacherData.RobustClean;

    /// <summary>On which images the student's maps are taken.</summary>
    /// <value><see cref="FeatureInput.Adversarial"/> by default.</value>
    public FeatureInput FeatureInput { get; init; } = FeatureInput.Adversarial;

    /// <summary>Leaves out the feature distance of samples that the teacher gets wrong (the mean is still over all samples).</summary>
    /// <value>false by default: Algorithm 1 replaces labels only.</value>
    public bool MaskFeaturesOfWrongTeacher { get; init; }

    /// <summary>Weight of an additional cross-entropy with the true labels on adversarial images, finite and not negative.</summary>
    /// <value>0 by default.</value>
    public double CrossEntropyWeight { get; init; }

    // The same record with the one default that differs here.
    internal KlDivergenceLossOptions EffectiveKl => Kl with { LabelReplacement = Kl.LabelReplacement ?? LabelReplacement.Probabilities };

    internal void Validate()
    {
        LossGuard.Share(Beta);
        ArgumentNullException.ThrowIfNull(Kl);
        ArgumentNullException.ThrowIfNull(Features);
        LossGuard.Defined(TeacherData);
        LossGuard.Defined(FeatureInput);
        LossGuard.Weight(CrossEntropyWeight);
    }
}

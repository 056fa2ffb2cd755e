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

    /// <summary>Temperature of the KL term, positive.</summary>
    /// <value>1 by default, as in all reported rows.</value>
    public double Temperature { get; init; } = 1;

    /// <summary>Multiplies the KL term by the temperature squared. Eq. 6 lacks the factor, but beta = 0 must equal ARD, which has
    /// it.</summary>
    /// <value>true by default.</value>
    public bool ScaleByTemperatureSquared { get; init; } = true;

    /// <summary>Which teacher sees which data.</summary>
    /// <value><see cref="TeacherData.RobustClean"/> by default.</value>
    public TeacherData TeacherData { get; init; } = TeacherData.RobustClean;

    /// <summary>What to do with labels that the teacher gets wrong (section 3.3).</summary>
    /// <value><see cref="LabelReplacement.Probabilities"/> by default.</value>
    public LabelReplacement LabelReplacement { get; init; } = LabelReplacement.Probabilities;

    /// <summary>Temperature of the student for samples whose label is replaced; null for <see cref="Temperature"/>.</summary>
    /// <value>null by default.</value>
    public double? HardLabelTemperature { get; init; }

    /// <summary>Averaging of the KL term.</summary>
    /// <value><see cref="KlReduction.BatchMean"/> by default.</value>
    public KlReduction KlReduction { get; init; } = KlReduction.BatchMean;

    /// <summary>Argument order of the KL term.</summary>
    /// <value><see cref="KlDirection.TeacherStudent"/> by default.</value>
    public KlDirection KlDirection { get; init; } = KlDirection.TeacherStudent;

    /// <summary>Layers of the student.</summary>
    /// <value><c>layer*</c> by default: the stage outputs.</value>
    public IReadOnlyList<string> Layers { get; init; } = ["layer*"];

    /// <summary>Layers of the teacher; null for the same names.</summary>
    /// <value>null by default.</value>
    public IReadOnlyList<string>? TeacherLayers { get; init; }

    /// <summary>Weight of each layer's squared distance; null for all 1.</summary>
    /// <value>null by default.</value>
    public IReadOnlyList<double>? LayerWeights { get; init; }

    /// <summary>How maps are normalised (Eq. 8 to 10).</summary>
    /// <value><see cref="FeatureNormalization.UnitChannel"/> by default.</value>
    public FeatureNormalization Normalization { get; init; } = FeatureNormalization.UnitChannel;

    /// <summary>How the layers' distances become one number per sample (Eq. 7 and 11).</summary>
    /// <value><see cref="FeatureDistanceForm.Norm"/> by default.</value>
    public FeatureDistanceForm Form { get; init; } = FeatureDistanceForm.Norm;

    /// <summary>With <see cref="FeatureNormalization.UnitChannel"/>: positions whose channels are all zero (sum of squares below 1e-10)
    /// count as constant zero. Otherwise they pass a gradient of up to 1e5 times the difference, which can make them active again but can
    /// also dominate a step. This matters only for maps taken after a ReLU.</summary>
    /// <value>false by default, as in the reference values.</value>
    public bool BlockZeroPositions { get; init; }

    /// <summary>Bring the student's maps to the teacher's shapes before they are compared, and are trained with the student; null compares
    /// the maps as they are, which then need the same shapes.</summary>
    /// <value>null by default.</value>
    public FeatureAdapters? Adapters { get; init; }

    /// <summary>On which images the student's maps are taken.</summary>
    /// <value><see cref="FeatureInput.Adversarial"/> by default.</value>
    public FeatureInput FeatureInput { get; init; } = FeatureInput.Adversarial;

    /// <summary>Leaves out the feature distance of samples that the teacher gets wrong (the mean is still over all samples).</summary>
    /// <value>false by default: Algorithm 1 replaces labels only.</value>
    public bool MaskFeaturesOfWrongTeacher { get; init; }

    /// <summary>Weight of an additional cross-entropy with the true labels on adversarial images, finite and not negative.</summary>
    /// <value>0 by default.</value>
    public double CrossEntropyWeight { get; init; }

    internal KlDivergenceLossOptions Kl => new()
    {
        Temperature = Temperature,
        ScaleByTemperatureSquared = ScaleByTemperatureSquared,
        Reduction = KlReduction,
        Direction = KlDirection,
        LabelReplacement = LabelReplacement,
        HardLabelTemperature = HardLabelTemperature,
    };

    internal LpipsInternalLossOptions Lpips => new()
    {
        Layers = Layers,
        TeacherLayers = TeacherLayers,
        LayerWeights = LayerWeights,
        Normalization = Normalization,
        Form = Form,
        BlockZeroPositions = BlockZeroPositions,
        Adapters = Adapters,
    };

    internal void Validate()
    {
        LossGuard.Share(Beta);
        LossGuard.Defined(TeacherData);
        LossGuard.Defined(FeatureInput);
        if (!(double.IsFinite(CrossEntropyWeight) && CrossEntropyWeight >= 0))
        {
            throw new ArgumentOutOfRangeException(
                nameof(CrossEntropyWeight), CrossEntropyWeight, "CrossEntropyWeight must be a finite number, not negative.");
        }
    }
}

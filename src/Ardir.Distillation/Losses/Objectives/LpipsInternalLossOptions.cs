namespace Ardir.Distillation;

/// <summary>Options of <see cref="LpipsInternalLoss"/>.</summary>
public sealed record LpipsInternalLossOptions
{
    /// <summary>Layers of the student, as for <see cref="Core.FeatureTap.Attach"/>. ARDIR uses the four stage outputs, before the
    /// activation that follows.</summary>
    /// <value><c>layer*</c> by default, which fits ResNet and PreActResNet; WideResNet has <c>block*</c>.</value>
    public IReadOnlyList<string> Layers { get; init; } = ["layer*"];

    /// <summary>Layers of the teacher, paired with the student's by position; null for the same names.</summary>
    /// <value>null by default.</value>
    public IReadOnlyList<string>? TeacherLayers { get; init; }

    /// <summary>Weight of each layer's squared distance, not negative; null for all 1.</summary>
    /// <value>null by default.</value>
    public IReadOnlyList<double>? LayerWeights { get; init; }

    /// <summary>How maps are normalised.</summary>
    /// <value><see cref="FeatureNormalization.UnitChannel"/> by default.</value>
    public FeatureNormalization Normalization { get; init; } = FeatureNormalization.UnitChannel;

    /// <summary>How the layers' distances become one number per sample.</summary>
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

    internal void Validate()
    {
        LossGuard.Layers(Layers);
        if (TeacherLayers is not null) LossGuard.Layers(TeacherLayers);
        LossGuard.Defined(Normalization);
        LossGuard.Defined(Form);
        if (LayerWeights is not null
            && (LayerWeights.Count == 0 || !LayerWeights.All(w => double.IsFinite(w) && w >= 0) || LayerWeights.All(w => w == 0)))
        {
            throw new ArgumentException("LayerWeights must be finite, not negative and not all zero.", nameof(LayerWeights));
        }
    }
}

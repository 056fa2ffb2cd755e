namespace Ardir.Distillation;

/// <summary>Options of <see cref="FitNetsLoss"/>.</summary>
public sealed record FitNetsLossOptions
{
    /// <summary>The student's guided layers, as for <see cref="Core.FeatureTap.Attach"/>.</summary>
    /// <value><c>layer2</c> by default, the middle of ResNet and PreActResNet.</value>
    public IReadOnlyList<string> Layers { get; init; } = ["layer2"];

    /// <summary>The teacher's hint layers, paired with the student's by position; null for the same names.</summary>
    /// <value>null by default.</value>
    public IReadOnlyList<string>? TeacherLayers { get; init; }

    /// <summary>The regressors from guided to hint layers, trained with the student; null compares the maps as they are, which then need
    /// the same shapes.</summary>
    /// <value>null by default.</value>
    public FeatureAdapters? Adapters { get; init; }

    /// <summary>Number of epochs, from the first, that learn from hints (stage 1); later epochs learn from soft labels (stage 2). 0 is
    /// knowledge distillation alone, <see cref="int.MaxValue"/> hints alone. Not negative.</summary>
    /// <value>20 by default, a choice of this library: the paper ends the stage by the validation error.</value>
    public int HintEpochs { get; init; } = 20;

    /// <summary>Stage 2: (alpha, temperature) as for <see cref="KdLoss"/>.</summary>
    /// <value>The defaults of <see cref="KdLossOptions"/>.</value>
    public KdLossOptions Distillation { get; init; } = new();

    /// <summary>On which images the student learns, in both stages; the teacher sees clean ones.</summary>
    /// <value><see cref="FeatureInput.Clean"/> by default, as in the paper; with <see cref="FeatureInput.Adversarial"/> the hints take the
    /// place of ARDIR's feature distance.</value>
    public FeatureInput Input { get; init; } = FeatureInput.Clean;

    /// <summary>Divides each layer's squared distance by its number of elements per sample, which makes it independent of the size of the
    /// maps.</summary>
    /// <value>false by default: the paper uses the plain squared norm.</value>
    public bool MeanOverElements { get; init; }

    internal void Validate()
    {
        LossGuard.Layers(Layers);
        if (TeacherLayers is not null) LossGuard.Layers(TeacherLayers);
        LossGuard.Epoch(HintEpochs);
        ArgumentNullException.ThrowIfNull(Distillation);
        LossGuard.Defined(Input);
    }
}

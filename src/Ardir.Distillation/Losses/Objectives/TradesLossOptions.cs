namespace Ardir.Distillation;

/// <summary>Options of <see cref="TradesLoss"/>.</summary>
public sealed record TradesLossOptions
{
    /// <summary>Weight of the divergence, finite and not negative; 1/lambda in the paper.</summary>
    /// <value>6 by default, as in the paper and in the released code.</value>
    public double Beta { get; init; } = 6;

    /// <summary>Averaging of the divergence.</summary>
    /// <value><see cref="KlReduction.BatchMean"/> by default, as in the released code.</value>
    public KlReduction KlReduction { get; init; } = KlReduction.BatchMean;

    /// <summary>Makes the student's prediction on the clean image a constant in the divergence, so that the divergence's gradient reaches
    /// only the prediction on the adversarial image.</summary>
    /// <value>false by default: the released code propagates gradients through both.</value>
    public bool DetachClean { get; init; }

    internal void Validate()
    {
        LossGuard.Weight(Beta);
        LossGuard.Defined(KlReduction);
    }
}

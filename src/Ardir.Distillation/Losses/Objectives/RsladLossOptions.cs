namespace Ardir.Distillation;

/// <summary>Options of <see cref="RsladLoss"/>.</summary>
public sealed record RsladLossOptions
{
    /// <summary>Weight of the divergence on adversarial images, in [0,1]; the one on clean images has the rest.</summary>
    /// <value>5/6 by default, as in the paper and in the released code.</value>
    public double AdversarialWeight { get; init; } = 5.0 / 6;

    /// <summary>Averaging of the divergences; the released code uses <see cref="KlReduction.ElementMean"/> (times 10 on
    /// CIFAR-100).</summary>
    /// <value><see cref="KlReduction.BatchMean"/> by default.</value>
    public KlReduction KlReduction { get; init; } = KlReduction.BatchMean;

    internal void Validate()
    {
        LossGuard.Share(AdversarialWeight);
        LossGuard.Defined(KlReduction);
    }
}

namespace Ardir.Distillation;

/// <summary>
/// The plain mean of the weights at the ends of epochs (SWA; Izmailov et al. 2018; in adversarial training Chen et al. 2021,
/// "Robust Overfitting May Be Mitigated by Properly Learned Smoothening"). The statistics of batch norm are measured again after
/// each contribution, in one pass over the training images, clean and augmented.
/// </summary>
public sealed record StochasticWeightAveraging : WeightAveraging
{
    /// <summary>From epoch 55 on, every epoch.</summary>
    public StochasticWeightAveraging() => StartEpoch = 55;

    /// <summary>Epochs from one contribution to the next, at least 1.</summary>
    /// <value>1 by default.</value>
    public int EveryEpochs { get; init; } = 1;

    internal override void Validate()
    {
        base.Validate();
        if (EveryEpochs < 1) throw new ArgumentOutOfRangeException(nameof(EveryEpochs), EveryEpochs, "EveryEpochs must be at least 1.");
    }
}

namespace Ardir.Distillation;

/// <summary>
/// AWP (Wu, Xia and Wang 2020, "Adversarial Weight Perturbation Helps Robust Generalization"): each layer's weights are first
/// moved in the direction that increases the loss, by <see cref="Gamma"/> times their L2 norm; gradient and optimiser step are
/// taken there, and then the move is subtracted. Works with any objective. Adversarial images are crafted before, on the unmoved
/// weights. Costs one more forward and backward pass per step.
/// </summary>
/// <remarks>Moved are parameters of at least two dimensions whose name contains "weight", as in the authors' code; biases and
/// batch norm stay. The direction is the gradient itself, where the authors subtract the weights from a copy after a small step
/// of SGD: the same up to rounding.</remarks>
public sealed record AdversarialWeightPerturbation
{
    /// <summary>L2 norm of the move relative to that of each layer's weights, positive.</summary>
    /// <value>0.01 by default, the authors' for adversarial training; theirs for TRADES is 0.005.</value>
    public double Gamma { get; init; } = 0.01;

    /// <summary>Epochs without weight perturbation at the beginning, not negative.</summary>
    /// <value>0 by default, the authors' for CIFAR; theirs is 5 for SVHN and 10 for TRADES.</value>
    public int WarmupEpochs { get; init; }

    internal void Validate()
    {
        if (!double.IsFinite(Gamma) || Gamma <= 0)
            throw new ArgumentOutOfRangeException(nameof(Gamma), Gamma, "Gamma must be positive and finite.");
        if (WarmupEpochs < 0)
            throw new ArgumentOutOfRangeException(nameof(WarmupEpochs), WarmupEpochs, "WarmupEpochs must be at least 0.");
    }
}

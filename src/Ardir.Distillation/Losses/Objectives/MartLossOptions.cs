namespace Ardir.Distillation;

/// <summary>Options of <see cref="MartLoss"/>.</summary>
public sealed record MartLossOptions
{
    /// <summary>Weight of the divergence, finite and not negative.</summary>
    /// <value>5 by default, as in the released code for ResNet-18 (6 for WideResNet).</value>
    public double Lambda { get; init; } = 5;

    internal void Validate() => LossGuard.Weight(Lambda);
}

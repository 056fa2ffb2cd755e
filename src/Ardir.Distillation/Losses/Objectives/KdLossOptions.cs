namespace Ardir.Distillation;

/// <summary>Options of <see cref="KdLoss"/>.</summary>
public sealed record KdLossOptions
{
    /// <summary>Share of the soft labels, in [0,1]: alpha * KL + (1-alpha) * CE.</summary>
    /// <value>0.9 by default.</value>
    public double Alpha { get; init; } = 0.9;

    /// <summary>Temperature of the KL term, positive.</summary>
    /// <value>4 by default.</value>
    public double Temperature { get; init; } = 4;

    internal KlDivergenceLossOptions Kl => new() { Temperature = Temperature };

    internal void Validate() => LossGuard.Share(Alpha);
}

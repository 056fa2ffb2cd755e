namespace Ardir.Distillation;

/// <summary>Options of <see cref="Akd2Loss"/>. The authors of IAD run it with 0.25, 0.25 and 0.5 at temperature 1.</summary>
public sealed record Akd2LossOptions
{
    /// <summary>Weight of the cross-entropy with the true labels, finite and not negative.</summary>
    /// <value>0.3 by default, as in the released code.</value>
    public double CrossEntropyWeight { get; init; } = 0.3;

    /// <summary>Weight of the ordinarily trained teacher, finite and not negative.</summary>
    /// <value>0.1 by default, as in the released code.</value>
    public double StandardWeight { get; init; } = 0.1;

    /// <summary>Weight of the robust teacher, finite and not negative; not all three weights may be 0.</summary>
    /// <value>0.6 by default, as in the released code.</value>
    public double RobustWeight { get; init; } = 0.6;

    /// <summary>Temperature of the teachers' terms, positive.</summary>
    /// <value>2 by default, as in the released code.</value>
    public double Temperature { get; init; } = 2;

    internal void Validate()
    {
        LossGuard.Weight(CrossEntropyWeight);
        LossGuard.Weight(StandardWeight);
        LossGuard.Weight(RobustWeight);
        if (CrossEntropyWeight + StandardWeight + RobustWeight == 0)
        {
            throw new ArgumentException(
                "CrossEntropyWeight, StandardWeight and RobustWeight are all 0; at least one must be positive.",
                nameof(CrossEntropyWeight));
        }
        LossGuard.Temperature(Temperature);
    }
}

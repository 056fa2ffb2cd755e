using Ardir.Core;

namespace Ardir.Attacks;

/// <summary>Options of <see cref="PgdAttack"/>. The defaults are the usual training attack: 10 steps of epsilon/4 from a uniform
/// start.</summary>
public sealed record PgdOptions : GradientStepOptions
{
    /// <summary>Gradient steps per restart.</summary>
    /// <value>10 by default.</value>
    public int Steps { get; init; } = 10;

    /// <summary>Independent attempts. Only samples that still resist continue with the next; the result is the worst case per sample: the
    /// first success, otherwise the highest final loss.</summary>
    /// <value>1 by default.</value>
    public int Restarts { get; init; } = 1;

    /// <summary>Where each attempt starts.</summary>
    /// <value><see cref="RandomStart.Uniform"/> by default.</value>
    public RandomStart Start { get; init; } = RandomStart.Uniform;

    /// <summary>Which iterate to return.</summary>
    /// <value><see cref="PgdSelection.Last"/> by default.</value>
    public PgdSelection Selection { get; init; } = PgdSelection.Last;

    /// <summary>L1 only: the share of values that a step moves (sparse L1 descent, Tramer and Boneh 2019), in (0,1].</summary>
    /// <value>0.01 by default.</value>
    public double SparseFraction { get; init; } = 0.01;

    /// <inheritdoc/>
    public override void Validate()
    {
        base.Validate();
        OptionGuard.Positive(Steps);
        OptionGuard.Positive(Restarts);
        OptionGuard.Start(Start, Loss);
        if (!Enum.IsDefined(Selection)) throw new ArgumentOutOfRangeException(nameof(Selection), Selection, "Unknown selection.");
        if (!(SparseFraction > 0 && SparseFraction <= 1))
            throw new ArgumentOutOfRangeException(nameof(SparseFraction), SparseFraction, "SparseFraction must be in (0,1].");
        if (Selection != PgdSelection.Last && Start is (RandomStart.UniformUnclamped or RandomStart.GaussianUnclamped))
        {
            throw new ArgumentException(
                $"{Selection} may return the start, but an unclamped start lies outside [0,1] and is no result. Use PgdSelection.Last or " +
                "a clamped start.",
                nameof(Selection));
        }
        if (Restarts > 1 && Start == RandomStart.None)
        {
            throw new ArgumentException(
                "Restarts from the clean image would all be the same; choose a random start or a single restart.", nameof(Restarts));
        }
    }
}

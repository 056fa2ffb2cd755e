namespace Ardir.Attacks;

/// <summary>Options of <see cref="FabAttack"/> and, for each target, of <see cref="TargetedFabAttack"/>. The first attempt begins at the
/// image, the others at random points half the radius away. The defaults are those of AutoAttack (Croce and Hein 2020).</summary>
public sealed record FabOptions : RestartOptions
{
    /// <summary>Iterations per restart and target.</summary>
    /// <value>100 by default.</value>
    public int Iterations { get; init; } = 100;

    /// <summary>Largest weight of the step from the clean image against the step from the current point, in [0,1].</summary>
    /// <value>0.1 by default.</value>
    public double AlphaMax { get; init; } = 0.1;

    /// <summary>How far to step beyond the linearised boundary, at least 1.</summary>
    /// <value>1.05 by default.</value>
    public double Eta { get; init; } = 1.05;

    /// <summary>The share of the perturbation that is kept after a success, in [0,1).</summary>
    /// <value>0.9 by default.</value>
    public double Beta { get; init; } = 0.9;

    /// <summary>Searches the segment from the image to the found point for a nearer one, with 4 more forward passes (the original
    /// FAB).</summary>
    /// <value>false by default, as in AutoAttack.</value>
    public bool FinalSearch { get; init; }

    /// <summary>Uses all iterations to find the nearest adversarial point. Otherwise a sample is done with the first point inside the
    /// ball.</summary>
    /// <value>false by default: whether an image can be broken within epsilon is known from the first such point.</value>
    public bool MinimiseNorm { get; init; }

    /// <summary>From the 40th iteration on, every 20 iterations, gives up samples whose nearest adversarial point is so far outside the
    /// ball that the remaining iterations would not bring it inside, even if each 20 of them reduced its distance by three times as much
    /// as the last 20 did (or by 8 % of the distance, if that is more). Earlier iterations are not affected. No effect with
    /// <see cref="MinimiseNorm"/>.</summary>
    /// <value>true by default: about half of the passes would be spent on such samples. The published code never gives up.</value>
    public bool GiveUp { get; init; } = true;

    /// <inheritdoc/>
    public override void Validate()
    {
        base.Validate();
        OptionGuard.Positive(Iterations);
        if (!(AlphaMax is >= 0 and <= 1)) throw new ArgumentOutOfRangeException(nameof(AlphaMax), AlphaMax, "AlphaMax must be in [0,1].");
        if (!(Eta >= 1 && double.IsFinite(Eta)))
            throw new ArgumentOutOfRangeException(nameof(Eta), Eta, "Eta must be at least 1: a smaller step stops before the hyperplane.");
        if (!(Beta is >= 0 and < 1))
            throw new ArgumentOutOfRangeException(nameof(Beta), Beta, "Beta must be in [0,1): 1 would never come back towards the image.");
    }
}

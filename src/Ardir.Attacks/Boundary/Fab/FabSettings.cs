namespace Ardir.Attacks;

/// <summary>What the two forms of FAB share.</summary>
/// <param name="Iterations">Iterations of a unit.</param>
/// <param name="AlphaMax">Largest weight of the step from the clean image.</param>
/// <param name="Eta">Overshoot beyond the hyperplane.</param>
/// <param name="Beta">The share of the perturbation that is kept after a success.</param>
/// <param name="FinalSearch">Whether to search the segment to the clean image.</param>
/// <param name="MinimiseNorm">Whether to continue after a success inside the ball.</param>
/// <param name="GiveUp">Whether to give up samples that are far from the ball and approach it too slowly.</param>
internal sealed record FabSettings(
    int Iterations, double AlphaMax, double Eta, double Beta, bool FinalSearch, bool MinimiseNorm, bool GiveUp)
{
    /// <summary>The settings, checked.</summary>
    public FabSettings Validate()
    {
        OptionGuard.Positive(Iterations);
        if (!(AlphaMax is >= 0 and <= 1)) throw new ArgumentOutOfRangeException(nameof(AlphaMax), AlphaMax, "AlphaMax must be in [0,1].");
        if (!(Eta >= 1 && double.IsFinite(Eta)))
            throw new ArgumentOutOfRangeException(nameof(Eta), Eta, "Eta must be at least 1: a smaller step stops before the hyperplane.");
        if (!(Beta is >= 0 and < 1))
            throw new ArgumentOutOfRangeException(nameof(Beta), Beta, "Beta must be in [0,1): 1 would never come back towards the image.");
        return this;
    }
}

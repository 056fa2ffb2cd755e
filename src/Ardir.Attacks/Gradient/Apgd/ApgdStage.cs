namespace Ardir.Attacks;

/// <summary>A part of an APGD run with one radius.</summary>
/// <param name="Radius">Of the ball.</param>
/// <param name="Iterations">How many.</param>
/// <param name="Broken">What becomes of samples that the model misclassifies.</param>
/// <param name="StartIsGiven">L1 only: the start is a result rather than noise, so the first step is as sparse as its perturbation.</param>
/// <param name="GiveUp">Samples out of reach leave, too (<see cref="ApgdOutlook"/>). No effect with averaged gradients.</param>
internal sealed record ApgdStage(
    double Radius, int Iterations, BrokenSamples Broken = BrokenSamples.Leave, bool StartIsGiven = false, bool GiveUp = false)
{
    // What a threat model accepts. A ball of this radius covers the box many times over, so a larger one would be no different.
    private const double LargestRadius = 1e9;

    /// <summary>Three radii, 3, 2 and 1 epsilon, for 30 %, 30 % and the rest of the iterations (Croce and Hein 2021, "Mind the box"); each
    /// stage starts at the best point of the previous one, projected. A single stage when there are fewer than three
    /// iterations.</summary>
    public static IReadOnlyList<ApgdStage> LargeRadii(double epsilon, int iterations)
    {
        if (iterations < 3) return [new(epsilon, iterations)];
        var part = (int)Math.Ceiling(0.3 * iterations);
        return
        [
            new(Math.Min(3 * epsilon, LargestRadius), part, BrokenSamples.Ignore, StartIsGiven: true),
            new(Math.Min(2 * epsilon, LargestRadius), part, BrokenSamples.Ignore, StartIsGiven: true),
            new(epsilon, iterations - 2 * part, StartIsGiven: true),
        ];
    }
}

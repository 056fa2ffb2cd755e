using System.Globalization;

namespace Ardir.Attacks;

/// <summary>What <see cref="AutoAttackVersion.Fast"/> did in place of running Square on all survivors, and what may have escaped
/// it.</summary>
public sealed record SquareSample
{
    /// <summary>All images of the evaluation.</summary>
    public required int Images { get; init; }

    /// <summary>Images that resisted all attacks before Square.</summary>
    public required int Survivors { get; init; }

    /// <summary>How many of them were drawn at random for Square to run on first.</summary>
    public required int Sampled { get; init; }

    /// <summary>How many of the sample Square broke.</summary>
    public required int Broken { get; init; }

    /// <summary>Whether Square broke an image of the sample and therefore ran on all survivors.</summary>
    public bool Escalated => Broken > 0;

    /// <summary>With 95 % confidence <see cref="AutoAttackVersion.Standard"/> would have broken at most so many images more. Exact for a
    /// sample without replacement (hypergeometric); the binomial bound, as if drawn with replacement, would be slightly looser. 0 when
    /// Square ran on all survivors: the result is then that of the standard version, for certain.</summary>
    public required int MissedAtMost { get; init; }

    /// <summary><see cref="MissedAtMost"/> as a share of all images: the robust accuracy of the standard version is lower by no more,
    /// with 95 % confidence.</summary>
    public double MissedShare => Images == 0 ? 0 : MissedAtMost / (double)Images;

    /// <summary>Samples that Square passed forward through the model for the sample.</summary>
    public required long SampleEvaluations { get; init; }

    /// <summary>Samples that it did not have to pass for the other survivors, estimated from its mean cost in the sample.</summary>
    public required long SavedEvaluations { get; init; }

    /// <summary>Share of the cost of Square that was saved, 0 to 1.</summary>
    public double SavedShare => SavedEvaluations == 0 ? 0 : SavedEvaluations / (double)(SavedEvaluations + SampleEvaluations);

    /// <summary>The same in plain words.</summary>
    /// <returns>Two or three sentences in English.</returns>
    public override string ToString()
    {
        const string same = "the result is that of the standard version.";
        if (Escalated)
            return Text($"Square broke {Broken:N0} of a random sample of {Sampled:N0} of the {Survivors:N0} images that had ") +
                $"resisted until then, so it ran on all of them: {same}";
        if (Sampled == Survivors) return Text($"Square ran on all {Survivors:N0} images that had resisted until then: {same}");
        return Text($"Square ran on a random sample of {Sampled:N0} of the {Survivors:N0} images that had resisted until then and broke ") +
            Text($"none. With 95 % confidence the standard version would find at most {MissedAtMost:N0} more {Noun} ") +
            Text($"({100 * MissedShare:F2} points). That saved about {SavedEvaluations:N0} evaluations, ") +
            Text($"{SavedShare:P0} of the cost of Square.");
    }

    private string Noun => MissedAtMost == 1 ? "image" : "images";

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}

namespace Ardir.Core;

/// <summary>How training scripts dress up the names of weights.</summary>
internal static class WeightNames
{
    // Only at the start of a name: the same text further in belongs to the network.
    private static readonly string[] _prefixes = ["module.", "model.", "network.", "basic_net.", "net.", "0.", "1."];

    private static readonly string[] _means = ["mean", "mu", "normalize.mean", "normalizer.mean"];
    private static readonly string[] _deviations = ["std", "sigma", "normalize.std", "normalizer.std"];

    /// <summary>The name and what is left of it as one prefix after another goes.</summary>
    public static IEnumerable<string> Candidates(string name)
    {
        while (true)
        {
            yield return name;
            if (_prefixes.FirstOrDefault(prefix => name.StartsWith(prefix, StringComparison.Ordinal)) is not { } found) yield break;
            name = name[found.Length..];
        }
    }

    /// <summary>The name without any prefix.</summary>
    public static string Bare(string name) => Candidates(name).Last();

    public static bool IsMean(string name) => _means.Contains(Bare(name), StringComparer.Ordinal);

    public static bool IsDeviation(string name) => _deviations.Contains(Bare(name), StringComparer.Ordinal);

    /// <summary>Entries that some published files have and no forward pass uses.</summary>
    public static bool IsUnused(string name) => Bare(name).StartsWith("sub_block1.", StringComparison.Ordinal) || name.EndsWith("num_batches_tracked", StringComparison.Ordinal);
}

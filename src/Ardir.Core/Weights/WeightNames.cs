namespace Ardir.Core;

/// <summary>How training scripts dress up the names of weights: one list, for loading and for recognising.</summary>
internal static class WeightNames
{
    // Data-parallel and compiled wrappers, Lightning modules, (normaliser, network) sequences, AKD2's, RobustBench's and our own wrapper. Only at the start of a name:
    // the same text further in belongs to the network.
    public static readonly IReadOnlyList<string> Prefixes = ["module.", "_orig_mod.", "model.", "network.", "basic_net.", "net.", "0.", "1."];

    // A module of this name holds the statistics, or none does.
    public static readonly IReadOnlyList<string> Normalisers = ["", "normalize.", "normalizer."];

    public static readonly IReadOnlyList<(string Mean, string Deviation)> Statistics = [("mean", "std"), ("mu", "sigma")];

    /// <summary>How many models PyTorch's AveragedModel took the mean of.</summary>
    public const string Averaged = "n_averaged";

    /// <summary>The name and what is left of it as one prefix after another goes.</summary>
    public static IEnumerable<string> Candidates(string name)
    {
        while (true)
        {
            yield return name;
            if (Prefixes.FirstOrDefault(prefix => name.StartsWith(prefix, StringComparison.Ordinal)) is not { } found) yield break;
            name = name[found.Length..];
        }
    }

    /// <summary>The name without any prefix.</summary>
    public static string Bare(string name) => Candidates(name).Last();

    public static bool IsMean(string name) => IsStatistic(name, names => names.Mean);

    public static bool IsDeviation(string name) => IsStatistic(name, names => names.Deviation);

    /// <summary>A group that some published files have and no forward pass uses.</summary>
    public static bool IsUnusedGroup(string name) => Bare(name).StartsWith("sub_block1.", StringComparison.Ordinal);

    /// <summary>Counters that no forward pass in eval mode uses: batches of a batch norm, and models in an average (PyTorch's AveragedModel).</summary>
    public static bool IsCounter(string name) => name.EndsWith("num_batches_tracked", StringComparison.Ordinal) || Bare(name) == Averaged;

    private static bool IsStatistic(string name, Func<(string Mean, string Deviation), string> which)
    {
        var bare = Bare(name);
        return Normalisers.Any(module => bare.StartsWith(module, StringComparison.Ordinal) && Statistics.Any(names => bare.AsSpan(module.Length).SequenceEqual(which(names))));
    }
}

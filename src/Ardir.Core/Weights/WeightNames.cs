namespace Ardir.Core;

/// <summary>
/// What training scripts add to the names of weights. Loading weights and recognising networks share these lists.
/// </summary>
internal static class WeightNames
{
    // These come from data-parallel and compiled wrappers, Lightning modules, (normaliser, network) sequences, and the wrappers of AKD2,
    // RobustBench and this library. They are removed only at the start of a name: the same text further in belongs to the network.
    public static readonly IReadOnlyList<string> Prefixes =
        ["module.", "_orig_mod.", "model.", "network.", "basic_net.", "net.", "0.", "1."];

    // The statistics are entries of a module with one of these names, or of no module of their own (the empty text).
    public static readonly IReadOnlyList<string> Normalisers = ["", "normalize.", "normalizer."];

    public static readonly IReadOnlyList<(string Mean, string Deviation)> Statistics = [("mean", "std"), ("mu", "sigma")];

    /// <summary>The entry in which PyTorch's AveragedModel counts the models it has averaged.</summary>
    public const string Averaged = "n_averaged";

    /// <summary>The name itself, then what is left of it after removing one prefix, two prefixes and so on.</summary>
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

    /// <summary>Whether an entry belongs to a group of weights that some published files have and no forward pass uses.</summary>
    public static bool IsUnusedGroup(string name) => Bare(name).StartsWith("sub_block1.", StringComparison.Ordinal);

    /// <summary>
    /// Whether an entry is a counter that no forward pass in eval mode uses: the batches of a batch norm, or the models in an average
    /// (PyTorch's AveragedModel).
    /// </summary>
    public static bool IsCounter(string name) =>
        name.EndsWith("num_batches_tracked", StringComparison.Ordinal) || Bare(name) == Averaged;

    private static bool IsStatistic(string name, Func<(string Mean, string Deviation), string> which)
    {
        var bare = Bare(name);
        return Normalisers.Any(module =>
            bare.StartsWith(module, StringComparison.Ordinal)
            && Statistics.Any(names => bare.AsSpan(module.Length).SequenceEqual(which(names))));
    }
}

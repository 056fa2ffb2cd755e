namespace Ardir.Core;

/// <summary>
/// The outcome for every entry when weights were loaded. Names are those of the module, except where they exist only in the file.
/// </summary>
public sealed record LoadReport
{
    /// <summary>Entries of the module that were set.</summary>
    public required IReadOnlyList<string> Loaded { get; init; }

    /// <summary>Entries of the module that the file lacks. Counters of batch norm (<c>num_batches_tracked</c>) are never listed.</summary>
    public required IReadOnlyList<string> Missing { get; init; }

    /// <summary>Entries of the file that the module does not have.</summary>
    public required IReadOnlyList<string> Unexpected { get; init; }

    /// <summary>Entries that cannot be copied because shapes or dtypes do not match, each with the difference.</summary>
    public required IReadOnlyList<string> Mismatched { get; init; }

    /// <summary>
    /// Entries that were converted to the dtype of the module, with both dtypes; for example half precision read into float32, which is
    /// exact.
    /// </summary>
    public required IReadOnlyList<string> Converted { get; init; }

    /// <summary>Entries of the file that no forward pass uses and that were left out on purpose.</summary>
    public required IReadOnlyList<string> Dropped { get; init; }

    /// <summary>Whether the file's mean and standard deviation configured a <see cref="Normalize"/>.</summary>
    public bool NormalisationLoaded { get; init; }

    /// <summary>Whether nothing is missing, unexpected or mismatched.</summary>
    public bool IsComplete => Missing.Count + Unexpected.Count + Mismatched.Count == 0;

    /// <summary>Counts, and up to ten names of each kind.</summary>
    /// <returns>A few lines of text.</returns>
    public override string ToString()
    {
        string List(string title, IReadOnlyList<string> names) => names.Count == 0
            ? "" : $"\n{title} ({names.Count}): {string.Join(", ", names.Take(10))}{(names.Count > 10 ? ", ..." : "")}";
        return $"{Loaded.Count} entries loaded{(NormalisationLoaded ? ", normalisation configured" : "")}"
            + List("missing", Missing)
            + List("unexpected", Unexpected)
            + List("mismatched", Mismatched)
            + List("converted", Converted)
            + List("dropped", Dropped);
    }
}

namespace Ardir.Core;

/// <summary>The entries of a state dictionary without the prefixes that wrappers add and without entries that no network
/// uses.</summary>
internal sealed class StateNames
{
    // No network here has a wider layer, so larger numbers come from damaged files.
    private const long MaxSize = 1 << 20;

    private readonly Dictionary<string, long[]> _entries = new(StringComparer.Ordinal);

    public StateNames(IReadOnlyDictionary<string, long[]> shapes)
    {
        foreach (var (name, shape) in shapes)
        {
            if (name is null || shape is null) throw new ArgumentException($"The entry '{name}' has no shape.", nameof(shapes));
            var bare = WeightNames.Bare(name);
            if (bare != name) Stripped = name[..^bare.Length];
            if (WeightNames.IsMean(bare) || WeightNames.IsDeviation(bare)) HasStatistics = true;
            else if (WeightNames.IsUnusedGroup(bare)) HasUnusedGroup = true;
            else if (bare == WeightNames.Averaged) continue;
            else if (!_entries.TryAdd(bare, shape)) Collisions.Add(name);
        }
    }

    public IReadOnlyDictionary<string, long[]> Entries => _entries;

    public string Stripped { get; } = "";

    public bool HasStatistics { get; }

    public bool HasUnusedGroup { get; }

    public List<string> Collisions { get; } = [];

    public bool Has(string name) => _entries.ContainsKey(name);

    /// <summary>One size of an entry; 0 when there is no such entry of that rank, or the size is not from 1 to 2^20.</summary>
    public int Size(string name, int rank, int dimension) =>
        _entries.TryGetValue(name, out var shape) && shape.Length == rank && shape[dimension] is > 0 and <= MaxSize
            ? (int)shape[dimension]
            : 0;

    /// <summary>How many numbered entries there are without a gap, counted from number <paramref name="from"/>.</summary>
    public int Count(Func<int, string> name, int from = 0)
    {
        var count = 0;
        while (Has(name(from + count))) count++;
        return count;
    }
}

namespace Ardir.Core;

/// <summary>The entries of a state dictionary without the prefixes that wrappers leave and without entries that mean nothing to a network.</summary>
internal sealed class StateNames
{
    // Data-parallel wrappers, training scripts, (normaliser, network) sequences, AKD2's and our own wrapper. Only at the start of a name.
    private static readonly string[] _prefixes = ["module.", "model.", "basic_net.", "network.", "0.", "1."];
    private static readonly string[] _statistics = ["mu", "sigma", "mean", "std"];

    // No network has a wider layer; larger numbers come from damaged files.
    private const long MaxSize = 1 << 20;

    private readonly Dictionary<string, long[]> _entries = new(StringComparer.Ordinal);

    public StateNames(IReadOnlyDictionary<string, long[]> shapes)
    {
        foreach (var (name, shape) in shapes)
        {
            if (name is null || shape is null) throw new ArgumentException($"The entry '{name}' has no shape.", nameof(shapes));
            var bare = Strip(name);
            if (bare != name) Stripped = name[..^bare.Length];
            if (_statistics.Contains(bare, StringComparer.Ordinal) || bare.StartsWith("normalize.", StringComparison.Ordinal)) HasStatistics = true;
            else if (bare.StartsWith("sub_block1.", StringComparison.Ordinal)) HasUnusedGroup = true;
            else if (!_entries.TryAdd(bare, shape)) Collisions.Add(name);
        }
    }

    public IReadOnlyDictionary<string, long[]> Entries => _entries;

    public string Stripped { get; } = "";

    public bool HasStatistics { get; }

    public bool HasUnusedGroup { get; }

    public List<string> Collisions { get; } = [];

    public bool Has(string name) => _entries.ContainsKey(name);

    /// <summary>One size of an entry; 0 when there is no such entry of that rank, or it is absurd.</summary>
    public int Size(string name, int rank, int dimension) =>
        _entries.TryGetValue(name, out var shape) && shape.Length == rank && shape[dimension] is > 0 and <= MaxSize ? (int)shape[dimension] : 0;

    /// <summary>How many of first, second, ... there are, counted from <paramref name="from"/> without a gap.</summary>
    public int Count(Func<int, string> name, int from = 0)
    {
        var count = 0;
        while (Has(name(from + count))) count++;
        return count;
    }

    private static string Strip(string name)
    {
        while (Array.Find(_prefixes, prefix => name.StartsWith(prefix, StringComparison.Ordinal)) is { } found) name = name[found.Length..];
        return name;
    }
}

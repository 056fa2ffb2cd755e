namespace Ardir.Core;

/// <summary>
/// A dictionary that keeps the order of its entries. Entries whose keys are not strings are only counted, since weights have names.
/// </summary>
internal sealed class PickleDictionary
{
    // Allocated with the first entry, because a hostile pickle may create millions of empty dictionaries, at one byte each.
    private Dictionary<string, int>? _places;
    private List<(string Key, object? Value)>? _entries;

    public IReadOnlyList<(string Key, object? Value)> Entries => _entries ?? [];

    /// <summary>How many times an entry was set whose key is not a string.</summary>
    public int Unnamed { get; private set; }

    public void Set(object? key, object? value)
    {
        if (key is List<object?> or PickleDictionary) throw new WeightFormatException("The pickle uses a list or dictionary as a key.");
        if (key is not string name)
        {
            Unnamed++;
            return;
        }
        _entries ??= [];
        _places ??= new Dictionary<string, int>(StringComparer.Ordinal);
        if (_places.TryGetValue(name, out var place)) _entries[place] = (name, value);
        else
        {
            _places.Add(name, _entries.Count);
            _entries.Add((name, value));
        }
    }

    public object? Find(string key) => _places is not null && _places.TryGetValue(key, out var place) ? _entries![place].Value : null;
}

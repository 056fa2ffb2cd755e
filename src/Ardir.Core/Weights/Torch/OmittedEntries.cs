namespace Ardir.Core;

/// <summary>
/// Describes in words what a torch file holds besides the weights that were read from it. A hostile file may hold millions of entries with
/// long names, so both the number of entries and the length of a name are limited.
/// </summary>
internal sealed class OmittedEntries
{
    private const int MaxListed = 1000;
    private const int MaxName = 200;

    private readonly List<string> _found = [];
    private long _more;

    /// <summary>All of them, in the order of the file.</summary>
    public IReadOnlyList<string> All => _more == 0 ? _found : [.. _found, $"and {_more} more"];

    /// <summary>Notes the entries of a dictionary that are not used.</summary>
    public void Add(PickleDictionary dictionary, Func<object?, bool> isUsed)
    {
        foreach (var (key, value) in dictionary.Entries)
        {
            if (!isUsed(value)) Add($"{Short(key)} ({Kind(value)})");
        }
        if (dictionary.Unnamed > 0) Add($"{dictionary.Unnamed} entries whose keys are no texts");
    }

    public static string Kind(object? value) => value switch
    {
        null => "None",
        PickleTensor => "a tensor",
        PickleOpaque { IsTensor: true, Name: var name } => $"a tensor of a kind that is not read: {Class(name)}",
        PickleOpaque { Name: "bytes" } => "bytes",
        PickleOpaque { Name: var name } => $"an object: {Class(name)}",
        PickleDictionary dictionary => $"a dictionary of {dictionary.Entries.Count + dictionary.Unnamed}",
        List<object?> list => $"a list of {list.Count}",
        PickleTuple { Items.Count: var count } => $"a tuple of {count}",
        string => "a text",
        bool or long or double => "a number",
        _ => "something else",
    };

    private void Add(string entry)
    {
        if (_found.Count < MaxListed) _found.Add(entry);
        else _more++;
    }

    // PickleOpaque appends a pair of brackets for each call by which an object was made; the reader of a report wants only the class.
    private static string Class(string name) => Short(name.Replace("()", "", StringComparison.Ordinal));

    private static string Short(string text) => text.Length <= MaxName ? text : text[..MaxName] + "...";
}

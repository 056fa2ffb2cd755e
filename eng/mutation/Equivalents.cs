using System.Text.Json;

namespace Ardir.Mutation;

/// <summary>Mutants that no test can notice, with the reason, as written down in equivalent.json.</summary>
internal sealed class Equivalents
{
    private readonly List<Entry> _entries;

    private Equivalents(List<Entry> entries) => _entries = entries;

    public static Equivalents Read(string root) =>
        new(JsonSerializer.Deserialize<List<Entry>>(File.ReadAllText(Path.Combine(root, "eng/mutation/equivalent.json")))!);

    public string? Reason(Mutant mutant) => _entries.Find(entry => mutant.File.EndsWith("/" + entry.File, StringComparison.Ordinal)
        && entry.Line == mutant.Code && (entry.Change == mutant.Change || entry.Change == "*"))?.Reason;

    /// <param name="File">Its name.</param>
    /// <param name="Line">Its text, without indentation.</param>
    /// <param name="Change">As the tool writes it; * for every change in the line.</param>
    /// <param name="Reason">Why the change cannot be noticed.</param>
    private sealed record Entry(string File, string Line, string Change, string Reason);
}

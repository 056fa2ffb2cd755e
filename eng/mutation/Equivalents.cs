using System.Text.Json;

namespace Ardir.Mutation;

/// <summary>Mutants that no test can notice, with the reason, as written down in equivalent.json.</summary>
internal sealed class Equivalents
{
    // Letters of a line, without white space, from which on a part of it stands for the whole: "}" or "+ 1" could be anywhere.
    private const int LeastPart = 20;

    private readonly List<Entry> _entries;

    private Equivalents(List<Entry> entries) => _entries = entries;

    public static Equivalents Read(string root) =>
        new(JsonSerializer.Deserialize<List<Entry>>(File.ReadAllText(Path.Combine(root, "eng/mutation/equivalent.json")))!);

    public string? Reason(Mutant mutant) => _entries.Find(entry =>
        mutant.File.EndsWith("/" + entry.File, StringComparison.Ordinal)
        && (entry.Change == "*" || Dense(entry.Change) == Dense(mutant.Change))
        && IsSameLine(Dense(entry.Line), Dense(mutant.Code)))?.Reason;

    // Lines are wrapped and joined in time, which changes no mutant: either text may be a part of the other.
    private static bool IsSameLine(string one, string other) => one == other
        || (Math.Min(one.Length, other.Length) >= LeastPart
            && (one.Contains(other, StringComparison.Ordinal) || other.Contains(one, StringComparison.Ordinal)));

    private static string Dense(string code) => string.Concat(code.Where(letter => !char.IsWhiteSpace(letter)));

    /// <param name="File">Its name.</param>
    /// <param name="Line">Its text; white space does not count, and a wrapped line may hold a part of it alone.</param>
    /// <param name="Change">As the tool writes it; * for every change in the line.</param>
    /// <param name="Reason">Why the change cannot be noticed.</param>
    private sealed record Entry(string File, string Line, string Change, string Reason);
}

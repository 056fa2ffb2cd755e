using System.Security.Cryptography;
using System.Text.Json;

namespace Ardir.Mutation;

/// <summary>What is known of a folder's mutants, kept in a file so that a run can resume where another ended.</summary>
internal sealed class Results
{
    private static readonly JsonSerializerOptions _json = new() { WriteIndented = true };

    /// <summary>The outcome by key.</summary>
    public Dictionary<string, Result> Of { get; init; } = [];

    /// <summary>Hashes of the sources that the outcomes belong to: of the mutants and of the tests.</summary>
    public Dictionary<string, string> Sources { get; init; } = [];

    public static Results Read(string path) => File.Exists(path) ? JsonSerializer.Deserialize<Results>(File.ReadAllText(path))! : new();

    public void Save(string path)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllText(path + ".new", JsonSerializer.Serialize(this, _json));
        File.Move(path + ".new", path, overwrite: true);
    }

    /// <summary>Forgets the outcomes in files that have changed, those by tests that have changed, and those of mutants that are no more.
    /// A survivor is tried again in any case.</summary>
    public void Match(string root, IReadOnlyCollection<Mutant> mutants, IEnumerable<string> testFiles)
    {
        foreach (var file in mutants.Select(mutant => mutant.File).Distinct())
        {
            if (!HasChanged(root, file, out _)) continue;
            foreach (var key in Of.Keys.Where(key => key.StartsWith(file + "|", StringComparison.Ordinal)).ToList()) Of.Remove(key);
        }
        var trusted = new HashSet<string>(StringComparer.Ordinal);
        foreach (var file in testFiles)
        {
            // What an earlier version of this tool wrote tells nothing of tests.
            if (!HasChanged(root, file, out var isNew) || isNew) trusted.Add(Path.GetFileNameWithoutExtension(file));
        }
        foreach (var (key, result) in Of.ToList())
            if (result.Test is { } test && !trusted.Contains(Class(test))) Of.Remove(key);
        var known = mutants.Select(mutant => mutant.Key).ToHashSet(StringComparer.Ordinal);
        foreach (var key in Of.Keys.Where(key => !known.Contains(key)).ToList()) Of.Remove(key);
    }

    private bool HasChanged(string root, string file, out bool isNew)
    {
        var hash = Convert.ToHexString(SHA256.HashData(File.ReadAllBytes(Path.Combine(root, file))));
        isNew = !Sources.TryGetValue(file, out var old);
        Sources[file] = hash;
        return old != hash;
    }

    // Of Ardir.Tests.SomeTests.Method(row: 1).
    private static string Class(string test) => test.Split('(')[0].Split('.') is [.., var type, _] ? type : "";
}

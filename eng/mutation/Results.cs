using System.Security.Cryptography;
using System.Text.Json;

namespace Ardir.Mutation;

/// <summary>What is known of a folder's mutants, kept in a file so that a run can resume where another ended.</summary>
internal sealed class Results
{
    private static readonly JsonSerializerOptions _json = new() { WriteIndented = true };

    /// <summary>The outcome by key.</summary>
    public Dictionary<string, Result> Of { get; init; } = [];

    /// <summary>Hashes of the sources that the outcomes belong to.</summary>
    public Dictionary<string, string> Sources { get; init; } = [];

    public static Results Read(string path) => File.Exists(path) ? JsonSerializer.Deserialize<Results>(File.ReadAllText(path))! : new();

    public void Save(string path)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllText(path + ".new", JsonSerializer.Serialize(this, _json));
        File.Move(path + ".new", path, overwrite: true);
    }

    /// <summary>Forgets the outcomes in files that have changed, and in mutants that are no more.</summary>
    public void Match(string root, IReadOnlyCollection<Mutant> mutants)
    {
        foreach (var file in mutants.Select(mutant => mutant.File).Distinct())
        {
            var hash = Convert.ToHexString(SHA256.HashData(File.ReadAllBytes(Path.Combine(root, file))));
            if (Sources.GetValueOrDefault(file) == hash) continue;
            Sources[file] = hash;
            foreach (var key in Of.Keys.Where(key => key.StartsWith(file + "|", StringComparison.Ordinal)).ToList()) Of.Remove(key);
        }
        var known = mutants.Select(mutant => mutant.Key).ToHashSet(StringComparer.Ordinal);
        foreach (var key in Of.Keys.Where(key => !known.Contains(key)).ToList()) Of.Remove(key);
    }
}

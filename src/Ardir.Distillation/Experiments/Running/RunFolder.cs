using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using static System.IO.Path;

namespace Ardir.Distillation;

/// <summary>The files of one run below the folder of an experiment.</summary>
internal sealed record RunFolder(string Path)
{
    private const string RecordName = "run.json";
    private const string StateEnd = ".state";
    private const int HashBytes = 4;

    public string Record => Combine(Path, RecordName);

    public string Lock => Combine(Path, "run.lock");

    public string Training => Combine(Path, "training");

    public string WeightsOf(KeptWeights weights) => Combine(Path, $"{weights}.safetensors".ToLowerInvariant());

    /// <summary>The state of an unfinished ensemble of attacks. An ensemble with other options or images has another file: it cannot
    /// continue this one.</summary>
    public string StateOf(string attack, KeptWeights weights, string identity)
    {
        var hash = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(identity)).AsSpan(0, HashBytes));
        return Combine(Path, $"{attack}-{weights}-{hash}{StateEnd}".ToLowerInvariant());
    }

    /// <summary>Deletes the states of attacks on weights that are replaced.</summary>
    public void DeleteStates() => Delete($"*{StateEnd}*");

    /// <summary>Deletes the states of an attack that is finished, also those that a killed process left with other options.</summary>
    public void DeleteStates(string attack, KeptWeights weights) => Delete($"{attack}-{weights}-*{StateEnd}*".ToLowerInvariant());

    public static RunFolder Of(string folder, string method, ulong seed) =>
        new(Combine(folder, "runs", method, string.Create(CultureInfo.InvariantCulture, $"seed-{seed}")));

    public static string RecordOf(string folder, string method, ulong seed) => Of(folder, method, seed).Record;

    private void Delete(string pattern)
    {
        foreach (var path in Directory.GetFiles(Path, pattern)) File.Delete(path);
    }
}

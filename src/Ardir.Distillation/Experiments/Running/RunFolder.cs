using System.Globalization;
using static System.IO.Path;

namespace Ardir.Distillation;

/// <summary>The files of one run below the folder of an experiment.</summary>
internal sealed record RunFolder(string Path)
{
    private const string RecordName = "run.json";

    public string Record => Combine(Path, RecordName);

    public string Lock => Combine(Path, "run.lock");

    public string Training => Combine(Path, "training");

    public string WeightsOf(KeptWeights weights) => Combine(Path, $"{weights}.safetensors".ToLowerInvariant());

    public string StateOf(string attack, KeptWeights weights) =>
        Combine(Path, $"{attack}-{weights}.state".ToLowerInvariant());

    public static RunFolder Of(string folder, string method, ulong seed) =>
        new(Combine(folder, "runs", method, string.Create(CultureInfo.InvariantCulture, $"seed-{seed}")));

    public static string RecordOf(string folder, string method, ulong seed) => Of(folder, method, seed).Record;
}

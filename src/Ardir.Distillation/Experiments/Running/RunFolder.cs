namespace Ardir.Distillation;

/// <summary>The files of one run below the folder of an experiment.</summary>
internal sealed record RunFolder(string Path)
{
    private const string RecordName = "run.json";

    public string Record => System.IO.Path.Combine(Path, RecordName);

    public string Lock => System.IO.Path.Combine(Path, "run.lock");

    public string Training => System.IO.Path.Combine(Path, "training");

    public string WeightsOf(KeptWeights weights) => System.IO.Path.Combine(Path, $"{weights}.safetensors".ToLowerInvariant());

    public string StateOf(string attack, KeptWeights weights) => System.IO.Path.Combine(Path, $"{attack}-{weights}.state".ToLowerInvariant());

    public static RunFolder Of(string folder, string method, ulong seed) =>
        new(System.IO.Path.Combine(folder, "runs", method, string.Create(System.Globalization.CultureInfo.InvariantCulture, $"seed-{seed}")));

    public static string RecordOf(string folder, string method, ulong seed) => Of(folder, method, seed).Record;
}

using System.IO.Compression;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Ardir.Core;
using Spectre.Console;

namespace Ardir.Samples;

/// <summary>A model from a file: weights of a network that is known here, or TorchScript, which brings its network along.</summary>
/// <param name="Model">The model, in eval mode.</param>
/// <param name="Channels">Channels of its images; 0 when the file does not tell.</param>
internal sealed record ModelFile(IModule Model, int Channels) : IDisposable
{
    public void Dispose() => (Model as IDisposable)?.Dispose();

    /// <summary>Weights of torch.save or safetensors.</summary>
    public static ModelFile OpenWeights(string path, Device device)
    {
        using var weights = StateDict.Read(path);
        Print(path, weights.Format);
        var guess = ModelCatalog.Detect(weights);
        AnsiConsole.MarkupLine(Markup.Escape(ErrorText.PrintableLines(guess.ToString())));
        KnownModel.WarnOfOmitted(weights);
        var model = KnownModel.Load(weights, guess).Model.to(device);
        model.eval();
        return new ModelFile(model, guess.InputChannels);
    }

    /// <summary>TorchScript of torch.jit.save. It is a program: nothing of Python runs, but what the file says does.</summary>
    public static ModelFile OpenTorchScript(string path, Device device)
    {
        if (Directory.Exists(path)) throw new InvalidOperationException($"{path} is a folder; expected a TorchScript file.");
        if (!IsTorchScript(path))
            throw new InvalidOperationException($"{path} is no TorchScript file of torch.jit.save; expected weights with --model.");
        Print(path, "TorchScript");
        try
        {
            var model = jit.load<Tensor, Tensor>(path, device.type, device.index);
            model.eval();
            ExplainMissingTaps(model);
            return new ModelFile(model, 0);
        }
        catch (ExternalException e)
        {
            throw new InvalidOperationException($"{path} cannot be loaded as TorchScript. {ErrorText.Of(e)}", e);
        }
    }

    // Before libtorch sees it: what is no archive of this kind gets an answer in its own words.
    private static bool IsTorchScript(string path)
    {
        using var file = File.OpenRead(path);
        try
        {
            using var archive = new ZipArchive(file, ZipArchiveMode.Read);
            return archive.Entries.Any(entry => entry.FullName.EndsWith("/constants.pkl", StringComparison.Ordinal));
        }
        catch (InvalidDataException)
        {
            return false;
        }
    }

    private static void Print(string path, string format)
    {
        using var file = File.OpenRead(path);
        var checksum = Convert.ToHexStringLower(SHA256.HashData(file));
        AnsiConsole.MarkupLine($"[bold]Model[/]: {Markup.Escape(path)}, {format}, sha256 {checksum}");
    }

    private static void ExplainMissingTaps(IModule model)
    {
        try
        {
            FeatureTap.ListLayers(model);
        }
        catch (ArgumentException e)
        {
            AnsiConsole.MarkupLine($"[bold]Taps[/]: none. {Markup.Escape(ErrorText.Of(e))}");
        }
    }
}

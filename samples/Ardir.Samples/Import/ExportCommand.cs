using System.CommandLine;
using Ardir.Core;
using Spectre.Console;

namespace Ardir.Samples;

/// <summary><c>export</c>: weights from one format into another.</summary>
internal static class ExportCommand
{
    public static Command Create()
    {
        var file = new Argument<FileInfo>("file") { Description = "Weights: torch.save (any version) or safetensors" };
        var output = new Argument<FileInfo>("output") { Description = "The new file: .safetensors, or .pt for torch.save" };
        var force = new Option<bool>("--force") { Description = "Writes over the output file, should it exist; be it the input" };
        var command = new Command("export", "Loads weights into the network they belong to and writes them in another format.")
        {
            file, output, force,
        };
        command.SetAction((arguments, _) => Job.Start(null, () =>
            Run(arguments.GetValue(file)!.FullName, arguments.GetValue(output)!.FullName, arguments.GetValue(force))));
        return command;
    }

    private static void Run(string file, string output, bool force)
    {
        Action<nn.Module> save = Path.GetExtension(output).ToLowerInvariant() switch
        {
            ".safetensors" => model => model.SaveSafetensors(output),
            ".pt" or ".pth" => model => model.SaveTorch(output),
            _ => throw new UsageException($"'{output}' ends in neither .safetensors nor .pt: the name decides the format."),
        };
        if (Directory.Exists(output)) throw new UsageException($"'{output}' is a folder; expected the name of a file.");
        if (!force && Path.Exists(output))
        {
            var what = Real(output) == Real(file) ? "is the input itself" : "exists already";
            throw new UsageException($"'{output}' {what}; --force writes over it.");
        }
        using var weights = StateDict.Read(file);
        KnownModel.WarnOfOmitted(weights);
        using var model = KnownModel.Load(weights, ModelCatalog.Detect(weights)).Model;
        save(model);
        AnsiConsole.MarkupLine($"Written: [bold]{Markup.Escape(output)}[/]");
    }

    private static string Real(string path) => new FileInfo(path).ResolveLinkTarget(returnFinalTarget: true)?.FullName ?? path;
}

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
        var command = new Command("export", "Loads weights into the network they belong to and writes them in another format.") { file, output };
        command.SetAction((arguments, _) => Task.Run(() => Job.Run(null, () => Run(arguments.GetValue(file)!.FullName, arguments.GetValue(output)!.FullName))));
        return command;
    }

    private static void Run(string file, string output)
    {
        using var weights = StateDict.Read(file);
        using var model = ModelCatalog.Detect(weights).Create();
        model.LoadWeights(weights);
        switch (Path.GetExtension(output).ToLowerInvariant())
        {
            case ".safetensors": model.SaveSafetensors(output); break;
            case ".pt" or ".pth": model.SaveTorch(output); break;
            default: throw new ArgumentException($"'{output}' ends in neither .safetensors nor .pt: the name decides the format.");
        }
        AnsiConsole.MarkupLine($"Written: [bold]{Markup.Escape(output)}[/]");
    }
}

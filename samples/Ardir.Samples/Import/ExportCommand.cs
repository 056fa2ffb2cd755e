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
        Action<nn.Module> save = Path.GetExtension(output).ToLowerInvariant() switch
        {
            ".safetensors" => model => model.SaveSafetensors(output),
            ".pt" or ".pth" => model => model.SaveTorch(output),
            _ => throw new ArgumentException($"'{output}' ends in neither .safetensors nor .pt: the name decides the format."),
        };
        using var weights = StateDict.Read(file);
        using var model = KnownModel.Load(weights, ModelCatalog.Detect(weights)).Model;
        save(model);
        AnsiConsole.MarkupLine($"Written: [bold]{Markup.Escape(output)}[/]");
    }
}

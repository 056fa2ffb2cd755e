using System.CommandLine;
using System.Globalization;
using Ardir.Attacks;
using Ardir.Core;
using Spectre.Console;

namespace Ardir.Samples;

/// <summary><c>import</c>: what is in a file of weights, which network it belongs to, and whether it works.</summary>
internal static class ImportCommand
{
    private const int Listed = 12;

    public static Command Create()
    {
        var file = new Argument<FileInfo>("file") { Description = "Weights: torch.save (any version) or safetensors" };
        var data = new Option<DirectoryInfo?>("--data") { Description = "Measures the clean accuracy on the test images in this folder" };
        var strict = new Option<bool>("--strict") { Description = "Refuses torch files with anything but tensors and plain data" };
        var command = new Command("import", "Says what is in a file of weights, recognises the network, loads it and optionally measures its clean accuracy.") { file, data, strict };
        command.SetAction((arguments, cancellation) => Task.Run(() => Job.Run(null, () =>
            Run(arguments.GetValue(file)!.FullName, arguments.GetValue(data)?.FullName, arguments.GetValue(strict), cancellation))));
        return command;
    }

    private static void Run(string file, string? folder, bool strict, CancellationToken cancellation)
    {
        using var weights = StateDict.Read(file, new StateDictOptions { Strict = strict });
        AnsiConsole.MarkupLine($"[bold]{Markup.Escape(Path.GetFileName(file))}[/]: {weights.Format}, {weights.Count} entries, {weights.Values.Sum(value => value.numel()).ToString("N0", CultureInfo.InvariantCulture)} values");
        foreach (var (name, value) in weights.Take(Listed)) Console.WriteLine($"  {name,-40} {value.dtype,-9} [{string.Join(",", value.shape)}]");
        if (weights.Count > Listed) Console.WriteLine($"  and {weights.Count - Listed} more");

        var guess = ModelCatalog.Detect(weights);
        AnsiConsole.MarkupLine($"\n[bold]Network[/]: {Markup.Escape(guess.ToString())}");
        using var model = guess.Create();
        var report = model.LoadWeights(weights);
        AnsiConsole.MarkupLine($"\n[bold]Load report[/]: {Markup.Escape(report.ToString())}");
        if (folder is null) return;
        using var test = DataFolder.Open(folder, Split.Test);
        var result = RobustnessEvaluator.Evaluate(model, test, context: new AttackContext { CancellationToken = cancellation });
        AnsiConsole.MarkupLine(string.Create(CultureInfo.InvariantCulture, $"\n[bold]Clean accuracy[/]: {result.CleanAccuracy:P2} on {test.Count} images"));
    }
}

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
        var data = Options.Folder("--data", "Measures the clean accuracy on the test images in this folder");
        var size = Options.Size();
        var strict = new Option<bool>("--strict") { Description = "Refuses torch files with anything but tensors and plain data" };
        var command = new Command(
            "import", "Says what is in a file of weights, recognises the network, loads it and optionally measures its clean accuracy.")
        {
            file, data, size, strict,
        };
        command.SetAction((arguments, cancellation) => Job.Start(null, () =>
        {
            var folder = arguments.GetValue(data) is { } path ? new DataFolder(path, Size: arguments.GetValue(size)) : null;
            Run(arguments.GetValue(file)!.FullName, folder, arguments.GetValue(strict), cancellation);
        }));
        return command;
    }

    private static void Run(string file, DataFolder? folder, bool strict, CancellationToken cancellation)
    {
        using var weights = StateDict.Read(file, new StateDictOptions { Strict = strict });
        var numbers = weights.Values.Sum(value => value.numel()).ToString("N0", CultureInfo.InvariantCulture);
        var title = Markup.Escape(ErrorText.Printable(Path.GetFileName(file)));
        AnsiConsole.MarkupLine($"[bold]{title}[/]: {weights.Format}, {weights.Count} entries, {numbers} values");
        foreach (var (name, value) in weights.Take(Listed))
            Console.WriteLine($"  {ErrorText.Printable(name),-40} {value.dtype,-9} [{string.Join(",", value.shape)}]");
        if (weights.Count > Listed) Console.WriteLine($"  and {weights.Count - Listed} more");
        KnownModel.WarnOfOmitted(weights);

        var guess = ModelCatalog.Detect(weights);
        AnsiConsole.MarkupLine($"\n[bold]Network[/]: {Markup.Escape(ErrorText.PrintableLines(guess.ToString()))}");
        var (model, report) = KnownModel.Load(weights, guess);
        using var owner = model;
        AnsiConsole.MarkupLine($"\n[bold]Load report[/]: {Markup.Escape(ErrorText.PrintableLines(report.ToString()))}");
        if (report.Dropped.Count > 0)
        {
            var more = report.Dropped.Count > Listed ? ", ..." : "";
            var names = string.Join(", ", report.Dropped.Take(Listed));
            Job.Warn($"Entries of the file that no forward pass uses were dropped: {names}{more}.");
        }
        if (folder is not null) Measure(model, folder with { Channels = guess.InputChannels is 1 ? 1 : 3 }, cancellation);
    }

    private static void Measure(IModule model, DataFolder folder, CancellationToken cancellation)
    {
        using var test = folder.Open(Split.Test);
        var options = new EvaluationOptions { Context = new AttackContext { CancellationToken = cancellation } };
        var result = RobustnessEvaluator.Evaluate(model, test, attack: null, options);
        AnsiConsole.MarkupLine(string.Create(CultureInfo.InvariantCulture, $"\n[bold]Clean accuracy[/]: {result.CleanAccuracy:P2} on {test.Count} images"));
    }
}

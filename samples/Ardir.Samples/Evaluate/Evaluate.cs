using System.Globalization;
using Ardir.Attacks;
using Ardir.Core;
using Spectre.Console;

namespace Ardir.Samples;

/// <summary>AutoAttack on a model from a file: live progress, a state file from which a later run resumes, and a report.</summary>
internal sealed class Evaluate(EvaluateSettings settings)
{
    public void Run(CancellationToken cancellation)
    {
        using var file = settings.IsTorchScript
            ? ModelFile.OpenTorchScript(settings.Model, settings.Device)
            : ModelFile.OpenWeights(settings.Model, settings.Device);
        var channels = settings.Channels ?? (file.Channels is 1 or 3 ? file.Channels : 3);
        using var all = (settings.Data with { Channels = channels }).Open(Split.Test);
        using var data = all.Take(Math.Min(settings.Images ?? all.Count, all.Count));
        var (images, labels) = data.Batch([.. Enumerable.Range(0, data.Count).Select(i => (long)i)]);
        using var imageOwner = images.to(settings.Device);
        using var labelOwner = labels.to(settings.Device);
        ShapeProbe.Print(file.Model, imageOwner);
        var attack = new AutoAttack(settings.Threat, new AutoAttackOptions
        {
            Version = settings.Version,
            BatchSize = settings.BatchSize,
            Seed = settings.Seed,
            StatePath = Path.Combine(settings.Output, "evaluation.state"),
            SecurityCurve = settings.SecurityCurve,
            Collective = settings.Ranks.Collective,
        });
        AnsiConsole.MarkupLine($"[bold]{attack.Name}[/], {settings.Threat}, {data.Count} images");
        RobustnessReport? report = null;
        LiveDisplay.Show(display =>
        {
            var tracker = new EvaluationTracker(display.Add(attack.Name));
            var context = new AttackContext { CancellationToken = cancellation, Progress = tracker, SearchPrecision = settings.Search };
            if (settings.Passes == NetworkPasses.Cheap)
            {
                context = context with
                {
                    Convolutions = ConvolutionAlgorithm.Winograd, FoldBatchNorm = true, MemoryFormat = MemoryFormat.ChannelsLast, Shards = get_num_threads(),
                };
            }
            report = attack.Evaluate(file.Model, imageOwner, labelOwner, context);
        });
        using (report)
            if (settings.Ranks.IsFirst) Print(report!, data.ClassNames);
    }

    private void Print(RobustnessReport report, IReadOnlyList<string> classNames)
    {
        var table = new Table().AddColumns("attack", "attacked", "broken", "robust after", "evaluations", "seconds");
        foreach (var attack in report.Attacks)
        {
            table.AddRow(
                attack.Name, Text(attack.Attacked), Text(attack.Broken), string.Create(CultureInfo.InvariantCulture, $"{attack.RobustAccuracyAfter:P2}"),
                Text(attack.SampleForwards + attack.SampleBackwards), string.Create(CultureInfo.InvariantCulture, $"{attack.Elapsed.TotalSeconds:F1}"));
        }
        AnsiConsole.Write(table);
        var (low, high) = report.ConfidenceInterval;
        AnsiConsole.MarkupLine(string.Create(CultureInfo.InvariantCulture, $"[bold]{report.CleanAccuracy:P2}[/] clean, [bold]{report.RobustAccuracy:P2}[/] robust (95 % interval {low:P1} to {high:P1})"));
        if (report.SquareSample is { } sample) AnsiConsole.MarkupLine(Markup.Escape(sample.ToString()));
        foreach (var finding in report.Findings) AnsiConsole.MarkupLine($"[yellow]{finding.Kind}[/]: {Markup.Escape(finding.Message)}");
        var path = Path.Combine(settings.Output, "report");
        // A data set may have fewer classes than the model that is tried on it.
        var names = classNames.Count == report.Classes ? classNames : null;
        report.SaveHtml(path + ".html", names);
        report.SaveJson(path + ".json");
        report.SaveMarkdown(path + ".md", names);
        AnsiConsole.MarkupLine($"Reports: [bold]{Markup.Escape(Path.GetFullPath(path))}[/].html, .json and .md");
    }

    private static string Text(long value) => value.ToString("N0", CultureInfo.InvariantCulture);
}

using Ardir.Distillation;
using Spectre.Console;

namespace Ardir.Samples;

/// <summary>Runs a plan and writes its report.</summary>
internal sealed class Paper(PaperSettings settings)
{
    public void Run(CancellationToken cancellation)
    {
        var plan = settings.Plan;
        if (settings.Data is { } data) Train(plan, data, cancellation);
        // Every process has come to the end of the plan, and the first one reports on it.
        settings.Ranks.Collective.Barrier();
        if (!settings.Ranks.IsFirst) return;
        var results = ExperimentResults.Load(plan, settings.Output);
        Print(results);
        SharedFolder.Write(() => new ExperimentReport(results).Save(settings.Output));
        AnsiConsole.MarkupLine($"Report: [bold]{Markup.Escape(Path.GetFullPath(Path.Combine(settings.Output, "report.html")))}[/]");
    }

    private void Train(ExperimentPlan plan, string data, CancellationToken cancellation)
    {
        using var images = ExperimentImages.Load(plan.Data, data);
        var asked = settings.Methods.Count == 0 ? plan : plan.Only(settings.Methods);
        var runner = new ExperimentRunner(asked, images, settings.Output, new ExperimentOptions { Device = settings.Device });
        // Refuses the folder of another plan before its plan file is replaced.
        ExperimentResults.Load(plan, settings.Output);
        SavePlan(plan);
        AnsiConsole.MarkupLine($"[bold]{Markup.Escape(plan.Name)}[/]: {asked.Methods.Count} methods with {asked.Seeds.Count} seeds, "
            + $"{images.Train.Count} training images");
        LiveDisplay.Show(display => runner.Run(new PaperTracker(display), cancellation));
    }

    private void SavePlan(ExperimentPlan plan)
    {
        var path = PaperCommand.PlanIn(settings.Output);
        SharedFolder.Write(() =>
        {
            if (!File.Exists(path) || File.ReadAllText(path).TrimEnd() != plan.ToJson()) plan.Save(path);
        });
    }

    private static void Print(ExperimentResults results)
    {
        var plan = results.Plan;
        var table = new Table().AddColumns(["method", "seeds", "clean", .. plan.Attacks.Select(attack => attack.Name)]);
        foreach (var method in plan.Methods)
        {
            var clean = results.Clean(method.Name);
            string[] robust = [.. plan.Attacks.Select(attack => Mean(results.Robust(method.Name, attack.Name)))];
            table.AddRow([method.Name, $"{clean.Count}", Mean(clean), .. robust]);
        }
        AnsiConsole.Write(table);
        if (results.Missing > 0) AnsiConsole.MarkupLine($"{results.Missing} runs of the plan are not finished.");
    }

    private static string Mean(IReadOnlyDictionary<ulong, double> values) =>
        values.Count == 0 ? "" : string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{values.Values.Average():P1}");
}

using System.Globalization;
using Ardir.Attacks;
using Ardir.Core;
using Spectre.Console;

namespace Ardir.Samples;

/// <summary>The results: a table in the terminal, a page with curves and pictures on disk.</summary>
internal static class QuickstartReport
{
    private const int Pictures = 6;

    public static void Print(IReadOnlyList<QuickstartModel> runs)
    {
        var table = new Table().RoundedBorder().Title("Accuracy on the test images");
        foreach (var header in Headers(runs)) table.AddColumn(header == "Model" ? new TableColumn(header) : new TableColumn(header).RightAligned());
        foreach (var row in Rows(runs)) table.AddRow([.. row.Select(Markup.Escape)]);
        AnsiConsole.Write(table);
    }

    public static void Save(string path, QuickstartSettings settings, IReadOnlyList<QuickstartModel> runs, ImageDataset test)
    {
        var report = new HtmlReport("Ardir quickstart")
            .Paragraph($"Networks of the same architecture and the same initial weights on Fashion-MNIST, attacked within {settings.Threat} (pixels in [0,1]). "
                + $"Seed {settings.Seed}, {settings.Images} training images, {settings.Epochs} epochs, {test.Count} test images that took no part in training or selection. "
                + "An image counts as robust when it is classified correctly before and after the attack.")
            .Table(Headers(runs), Rows(runs));
        // The best and the last epoch of the teacher come from one training.
        var trained = runs.DistinctBy(run => run.Training).ToList();
        var robust = new LineChart("Robust accuracy on validation images (PGD-10)") { XLabel = "Epoch", Percent = true };
        var fitted = new LineChart("Accuracy on the training images as they were trained on") { XLabel = "Epoch", Percent = true };
        foreach (var run in trained)
        {
            robust.Line(run.Title, run.Training.Epochs.Select(epoch => epoch.RobustAccuracy ?? double.NaN));
            robust.Mark("kept", run.Kept.Epoch + 1, run.Kept.RobustAccuracy ?? 0);
            fitted.Line(run.Title, run.Training.Epochs.Select(epoch => epoch.TrainAccuracy));
        }
        report.Heading("Training").LineChart(robust).LineChart(fitted).LineChart(StudentTerms(runs[^1]))
            .Heading("What the attack does")
            .Paragraph("PGD-20 against each network. Mid-grey is an unchanged pixel; black and white are changes by the full budget.")
            .ImageGrid(Grid(settings, trained, test))
            .Save(path);
    }

    private static string[] Headers(IReadOnlyList<QuickstartModel> runs) => ["Model", "Clean", .. runs[0].Results.Select(result => result.Attack)];

    private static IEnumerable<string[]> Rows(IReadOnlyList<QuickstartModel> runs) => runs.Select(run => (string[])
        [run.Title, Percent(run.Results[0].Result.CleanAccuracy), .. run.Results.Select(result => Percent(result.Result.RobustAccuracy))]);

    private static LineChart StudentTerms(QuickstartModel student)
    {
        var chart = new LineChart("Terms of the ARDIR loss in training") { XLabel = "Epoch" };
        foreach (var term in student.Training.Last.Terms.Keys)
            chart.Line(term, student.Training.Epochs.Select(epoch => epoch.Terms[term]));
        return chart;
    }

    private static ImageGrid Grid(QuickstartSettings settings, IReadOnlyList<QuickstartModel> runs, ImageDataset test)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var attack = new PgdAttack(settings.Threat, new PgdOptions { Steps = QuickstartPlan.Pgd, StepSize = settings.Epsilon / 10 });
        var grid = new ImageGrid(["Image", .. runs.SelectMany(run => new[] { run.Title, "Perturbation" })]);
        var (images, labels) = test.Batch([.. Enumerable.Range(0, Pictures).Select(i => (long)i)]);
        var attacked = runs.Select(run =>
        {
            var points = attack.Perturb(run.Model, images.to(settings.Device), labels.to(settings.Device), new AttackContext { Seed = settings.Seed });
            return (Points: points.cpu(), Clean: run.Model.call(images.to(settings.Device)).softmax(1).cpu(), Fooled: run.Model.call(points).softmax(1).cpu());
        }).ToList();
        for (var i = 0; i < Pictures; i++)
        {
            var name = test.ClassNames[(int)labels[i].ToInt64()];
            List<(Tensor, string)> cells = [(images[i], name)];
            foreach (var (points, clean, fooled) in attacked)
            {
                cells.Add((points[i], $"{Prediction(fooled[i], test.ClassNames)}"));
                cells.Add((ImageGrid.Amplify(points[i] - images[i], settings.Epsilon), $"clean: {Prediction(clean[i], test.ClassNames)}"));
            }
            grid.Row("", [.. cells]);
        }
        return grid;
    }

    private static string Prediction(Tensor probabilities, IReadOnlyList<string> names)
    {
        var best = probabilities.argmax().ToInt64();
        return string.Create(CultureInfo.InvariantCulture, $"{names[(int)best]}\n{probabilities[best].ToDouble():P0}");
    }

    private static string Percent(double value) => value.ToString("P1", CultureInfo.InvariantCulture);
}

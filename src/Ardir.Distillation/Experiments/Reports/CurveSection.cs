using Ardir.Core;

namespace Ardir.Distillation;

/// <summary>What happened in training, epoch by epoch.</summary>
internal static class CurveSection
{
    // As many lines as can be told apart in one chart.
    private const int MaxLines = 6;

    public static void Add(ReportPage page, ReportStudy study)
    {
        var images = study.Plan.Data.ValidationImages == 0 ? "test images (on which the best epoch was chosen)" : "validation images";
        var robust = Charts(study, $"Robust accuracy on {images}, PGD-{study.Plan.Recipe.SelectionSteps}", epoch => epoch.RobustAccuracy);
        var clean = Charts(study, $"Clean accuracy on {images}", epoch => epoch.CleanAccuracy);
        if (robust.Count + clean.Count > 0)
        {
            page.Heading("Training").Paragraph("Means over the seeds that trained to the end.");
            foreach (var chart in robust.Concat(clean)) page.Chart(chart);
        }
        AddReplaced(page, study);
    }

    private static void AddReplaced(ReportPage page, ReportStudy study)
    {
        var charts = Charts(study, "Share of samples whose label the teacher's error replaced", Replaced);
        if (charts.Count == 0) return;
        page.Heading("Replaced labels");
        foreach (var chart in charts) page.Chart(chart);
        var methods = study.Plan.Methods.Where(method => Curve(study, method, Replaced).Exists(double.IsFinite)).ToList();
        page.Table(["Method", "First epoch, %", "Last epoch, %"], [.. methods.Select(method => Curve(study, method, Replaced) is var curve
            ? new[] { method.Name, ReportText.Percent(curve[0]), ReportText.Percent(curve[^1]) } : [])]);
    }

    private static double? Replaced(EpochMetrics epoch) => epoch.Terms.TryGetValue(LossTerms.Replaced, out var share) ? share : null;

    private static List<LineChart> Charts(ReportStudy study, string title, Func<EpochMetrics, double?> read)
    {
        var curves = study.Plan.Methods.Select(method => (method.Name, Values: Curve(study, method, read)))
            .Where(curve => curve.Values.Exists(double.IsFinite)).ToArray();
        var parts = curves.Chunk(MaxLines).ToArray();
        return [.. parts.Select((part, i) =>
        {
            var chart = new LineChart(parts.Length > 1 ? $"{title} ({i + 1} of {parts.Length})" : title)
            {
                XLabel = "Epoch", YLabel = "Percent",
            };
            foreach (var (name, values) in part) chart.Line(name, values.Select(value => 100 * value));
            return chart;
        })];
    }

    /// <summary>The mean over the runs at each epoch; NaN where no run has a value.</summary>
    private static List<double> Curve(ReportStudy study, ExperimentMethod method, Func<EpochMetrics, double?> read)
    {
        var runs = study.RecordsOf(method).Select(record => record.Epochs).Where(epochs => epochs.Count > 0).ToList();
        return [.. Enumerable.Range(0, runs.Count == 0 ? 0 : runs.Max(epochs => epochs.Count)).Select(i => SampleStatistics.Try(
            runs.Where(epochs => i < epochs.Count).Select(epochs => read(epochs[i])).OfType<double>())?.Mean ?? double.NaN)];
    }
}

using Ardir.Core;

namespace Ardir.Distillation;

/// <summary>Accuracy against a number of the settings, as in Figures 2 and 3 of the paper against beta.</summary>
internal static class SweepSection
{
    public static void Add(ReportPage page, ReportStudy study)
    {
        foreach (var group in Sweep.Of(study.Plan).GroupBy(sweep => sweep.Setting, StringComparer.Ordinal))
        {
            List<(Sweep Sweep, List<Point> Points)> lines = [.. group.Select(sweep => (sweep, Points(study, sweep)))];
            if (lines.All(line => line.Points.Count == 0)) continue;
            var attack = study.MainAttack!;
            page.Heading($"Sweep over {group.Key}").Paragraph("Error bars are standard deviations over the seeds."
                + (group.Key == "beta" ? " Figures 2 and 3 of the paper show the same." : ""));
            page.Chart(Chart($"Robust accuracy under {attack} against {group.Key}", group.Key, lines, point => point.Robust))
                .Chart(Chart($"Clean accuracy against {group.Key}", group.Key, lines, point => point.Clean));
            page.Table(["Methods", group.Key, "Clean", attack], [.. lines.SelectMany(line => line.Points.Select(point => (string[])
            [
                line.Sweep.Name, ReportText.Number(point.Value),
                study.Cell(point.Method, point.Clean), study.Cell(point.Method, point.Robust),
            ]))]);
        }
    }

    private static List<Point> Points(ReportStudy study, Sweep sweep) => study.MainAttack is not { } attack ? [] :
    [
        .. sweep.Methods.Where(pair => study.RecordsOf(pair.Method).Any())
            .Select(pair => new Point(pair.Value, pair.Method, study.Clean(pair.Method), study.Robust(pair.Method, attack))),
    ];

    private static LineChart Chart(
        string title, string setting, List<(Sweep Sweep, List<Point> Points)> lines, Func<Point, SampleStatistics?> read)
    {
        var chart = new LineChart(title) { XLabel = setting, YLabel = "Accuracy in percent" };
        foreach (var (sweep, points) in lines)
        {
            chart.Line(sweep.Name, points.Select(point => read(point) is { } value
                ? (point.Value, 100 * value.Mean, 100 * (value.StandardDeviation ?? 0)) : (point.Value, double.NaN, 0)));
        }
        return chart;
    }

    private sealed record Point(double Value, ExperimentMethod Method, SampleStatistics? Clean, SampleStatistics? Robust);
}

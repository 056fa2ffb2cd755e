using Ardir.Core;

namespace Ardir.Attacks;

/// <summary>A report as one page: tables, accuracy against attack, security curve, pictures of broken images.</summary>
internal static class HtmlRobustnessReport
{
    private const int Pictures = 12;

    public static void Save(RobustnessReport report, string path, IReadOnlyList<string>? classNames)
    {
        var page = new HtmlReport("Robustness report")
            .Paragraph(ReportTables.Summary(report))
            .Table(ReportTables.AttackHeaders, ReportTables.Attacks(report))
            .Paragraph(ReportTables.Rules(report));
        if (report.SquareSample is { } sample) page.Paragraph(sample.ToString());
        page.Heading("Findings");
        if (report.Findings.Count == 0) page.Paragraph("None: the checks of the evaluation found no reason to doubt it.");
        foreach (var finding in report.Findings) page.Paragraph($"{finding.Kind}: {finding.Message}");
        var afterAttacks = report.Attacks.Select((attack, i) => (i + 1.0, attack.RobustAccuracyAfter));
        page.Heading("Accuracy after each attack")
            .LineChart(new LineChart("0 is the clean accuracy, then one attack after the other")
            {
                XLabel = "Attacks", YLabel = "Accuracy", Percent = true,
            }.Line("robust", afterAttacks.Prepend((0.0, report.CleanAccuracy))));
        if (report.BudgetCurve.Count > 0) page.Heading("Accuracy against cost").LineChart(Budget(report));
        var curve = report.Data.SecurityCurve.Select(point => (point.Epsilon, point.RobustAccuracy));
        if (report.Data.SecurityCurve.Count > 0)
            page.Heading("Security curve").LineChart(new LineChart("Robust accuracy against the budget (targeted APGD)")
            {
                XLabel = "Epsilon", YLabel = "Accuracy", Percent = true,
            }.Line("robust", curve.Prepend((0.0, report.CleanAccuracy))));
        page.Heading("By class").Table(ReportTables.ClassHeaders, ReportTables.Classes(report, classNames));
        if (Grid(report, classNames) is { } grid) page.Heading("Broken images").ImageGrid(grid);
        page.Save(path);
    }

    // Every attack begins where the one before it ended, the first at the clean accuracy. A batch is known only when it has ended, so
    // that the accuracy stays as it is until then.
    private static LineChart Budget(RobustnessReport report)
    {
        var chart = new LineChart("A step after every batch; an evaluation is a forward or a backward pass of an image")
        {
            XLabel = "Evaluations", YLabel = "Accuracy", Percent = true,
        };
        var (spent, robust) = (0.0, report.CleanAccuracy);
        foreach (var (attack, points) in BudgetCurve.ByAttack(report))
        {
            var steps = new List<(double X, double Y)> { (spent, robust) };
            foreach (var point in points)
            {
                steps.Add((point.SampleEvaluations, robust));
                (spent, robust) = (point.SampleEvaluations, point.RobustAccuracy);
                steps.Add((spent, robust));
            }
            chart.Line(attack, steps);
        }
        return chart;
    }

    private static ImageGrid? Grid(RobustnessReport report, IReadOnlyList<string>? classNames)
    {
        if (report.Images.dim() != 4 || report.Images.shape[1] is not (1 or 3)) return null;
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var grid = new ImageGrid("Image", "Adversarial", "Perturbation");
        var labels = HostRead.Array<long>(report.Labels);
        var broken = Enumerable.Range(0, report.Count).Where(i => report.Correct[i] && !report.Robust[i]).Take(Pictures).ToList();
        foreach (var i in broken)
        {
            var (clean, adversarial) = (Picture(report.Images[i], report.Threat), Picture(report.Adversarial[i], report.Threat));
            var perturbation = adversarial - clean;
            var scale = Math.Max(HostRead.Double(perturbation.abs().max()), 1e-9);
            grid.Row($"#{i}",
                (clean, ReportTables.Class(labels[i], classNames)),
                (adversarial, ReportTables.Class(report.Predictions[i], classNames)),
                (ImageGrid.Amplify(perturbation, scale), report.BrokenBy[i] ?? ""));
        }
        return broken.Count == 0 ? null : grid;
    }

    // Values of another box than [0,1] are shown as grey levels from its lowest to its highest.
    private static Tensor Picture(Tensor image, ThreatModel threat) =>
        ((image.to(ScalarType.Float32) - threat.Minimum) / (threat.Maximum - threat.Minimum)).clamp_(0, 1);
}

using System.Globalization;
using System.Text;
using Ardir.Core;

namespace Ardir.Attacks;

/// <summary>A report as Markdown tables.</summary>
internal static class MarkdownReport
{
    public static void Save(RobustnessReport report, string path, IReadOnlyList<string>? classNames)
    {
        var text = Encoding.UTF8.GetBytes(Write(report, classNames));
        AtomicFile.Write(path, stream => stream.Write(text));
    }

    private static string Write(RobustnessReport report, IReadOnlyList<string>? classNames)
    {
        var text = new StringBuilder().Append("# Robustness report\n\n").Append(ReportTables.Summary(report)).Append("\n\n");
        if (report.SquareSample is { } sample) text.Append(sample).Append("\n\n");
        Table(text, ReportTables.AttackHeaders, ReportTables.Attacks(report));
        text.Append(MarkdownText.Escape(ReportTables.Rules(report))).Append("\n\n");
        if (report.BudgetCurve.Count > 0) Table(text, ReportTables.BudgetHeaders, ReportTables.Budget(report));
        Table(text, ReportTables.ClassHeaders, ReportTables.Classes(report, classNames));
        if (report.Data.SecurityCurve.Count > 0)
            Table(text, ["Epsilon", "Robust accuracy (targeted APGD)"], report.Data.SecurityCurve.Select(point => (string[])
            [
                point.Epsilon.ToString("G6", CultureInfo.InvariantCulture), ReportTables.Percent(point.RobustAccuracy),
            ]));
        text.Append("## Findings\n\n");
        if (report.Findings.Count == 0) text.Append("None.\n");
        foreach (var finding in report.Findings)
            text.Append("- **").Append(finding.Kind).Append("**: ").Append(MarkdownText.Escape(finding.Message)).Append('\n');
        return text.ToString();
    }

    private static void Table(StringBuilder text, IReadOnlyList<string> headers, IEnumerable<string[]> rows)
    {
        text.Append("| ").AppendJoin(" | ", headers).Append(" |\n|---|").Insert(text.Length, "---:|", headers.Count - 1).Append('\n');
        foreach (var row in rows) text.Append("| ").AppendJoin(" | ", row.Select(MarkdownText.Escape)).Append(" |\n");
        text.Append('\n');
    }
}

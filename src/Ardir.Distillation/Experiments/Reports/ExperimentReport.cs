using System.Text;
using Ardir.Core;

namespace Ardir.Distillation;

/// <summary>
/// What came out of an experiment, as one self-contained page (HTML, in light and dark) and as Markdown: tables and figures of the ARDIR
/// paper with its values beside each, mean and spread over the seeds, paired differences with intervals and a sentence for each, robust
/// overfitting, training curves, cost, and what is missing or went wrong. A section for which there are no records is left out.
/// </summary>
/// <example><code>
/// new ExperimentReport(ExperimentResults.Load(plan, "runs")).Save("report");
/// </code></example>
public sealed class ExperimentReport
{
    private readonly ReportPage _page;

    /// <summary>Makes the report of the records there are.</summary>
    /// <param name="results">The records; later runs need a new report.</param>
    public ExperimentReport(ExperimentResults results)
    {
        ArgumentNullException.ThrowIfNull(results);
        var study = new ReportStudy(results);
        _page = new ReportPage(results.Plan.Name);
        Top(study);
        SweepSection.Add(_page, study);
        OverfittingSection.Add(_page, study);
        StateSection.Add(_page, study);
        StateSection.AddFindings(_page, study);
        TeacherSection.Add(_page, study);
        CurveSection.Add(_page, study);
        DifferenceSection.Add(_page, study);
        PlanSection.Add(_page, study);
        CostSection.Add(_page, study);
    }

    /// <summary>The report as Markdown. Charts are in the page only.</summary>
    public string ToMarkdown() => ReportFormats.Markdown(_page);

    /// <summary>The report as one HTML page that refers to nothing outside.</summary>
    public string ToHtml() => ReportFormats.Html(_page).ToHtml();

    /// <summary>Writes <c>report.md</c> and <c>report.html</c>, each atomically.</summary>
    /// <param name="folder">The folder; created if it does not exist.</param>
    /// <exception cref="IOException">A file cannot be written.</exception>
    public void Save(string folder)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        var markdown = Encoding.UTF8.GetBytes(ToMarkdown());
        AtomicFile.Write(Path.Combine(folder, "report.md"), stream => stream.Write(markdown));
        ReportFormats.Html(_page).Save(Path.Combine(folder, "report.html"));
    }

    // What a reader looks for first.
    private void Top(ReportStudy study)
    {
        _page.Paragraph(study.Plan.Remark);
        ResultSection.Add(_page, study);
        DifferenceSection.AddSentences(_page, study);
        _page.Paragraph($"{StateSection.Summary(study)} The best epoch was {PlanSection.Selection(study.Plan)}.");
    }
}

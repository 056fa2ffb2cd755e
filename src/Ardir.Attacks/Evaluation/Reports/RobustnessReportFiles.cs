namespace Ardir.Attacks;

/// <summary>Writes a <see cref="RobustnessReport"/> to a file. The file appears whole or not at all.</summary>
public static class RobustnessReportFiles
{
    /// <summary>Writes everything but the images as JSON (docs/report-schema.md).</summary>
    /// <param name="report">The report.</param>
    /// <param name="path">The file.</param>
    /// <exception cref="IOException">It cannot be written.</exception>
    public static void SaveJson(this RobustnessReport report, string path)
    {
        ArgumentNullException.ThrowIfNull(report);
        JsonReport.Save(report, path);
    }

    /// <summary>Writes tables as Markdown.</summary>
    /// <param name="report">The report.</param>
    /// <param name="path">The file.</param>
    /// <param name="classNames">Names of all <see cref="RobustnessReport.Classes"/>, in order; their numbers when null. An empty name or
    /// null stands for the number of its class.</param>
    /// <exception cref="ArgumentException">There is not one name for each class; nothing was written.</exception>
    /// <exception cref="ObjectDisposedException">The report has been disposed.</exception>
    /// <exception cref="IOException">It cannot be written.</exception>
    public static void SaveMarkdown(this RobustnessReport report, string path, IReadOnlyList<string>? classNames = null)
    {
        ArgumentNullException.ThrowIfNull(report);
        MarkdownReport.Save(report, path, Named(report, classNames));
    }

    /// <summary>Writes one self-contained page with tables, curves and pictures.</summary>
    /// <param name="report">The report.</param>
    /// <param name="path">The file.</param>
    /// <param name="classNames">Names of all <see cref="RobustnessReport.Classes"/>, in order; their numbers when null. An empty name or
    /// null stands for the number of its class.</param>
    /// <exception cref="ArgumentException">There is not one name for each class; nothing was written.</exception>
    /// <exception cref="ObjectDisposedException">The report has been disposed.</exception>
    /// <exception cref="IOException">It cannot be written.</exception>
    public static void SaveHtml(this RobustnessReport report, string path, IReadOnlyList<string>? classNames = null)
    {
        ArgumentNullException.ThrowIfNull(report);
        HtmlRobustnessReport.Save(report, path, Named(report, classNames));
    }

    private static IReadOnlyList<string>? Named(RobustnessReport report, IReadOnlyList<string>? classNames) =>
        classNames is null || classNames.Count == report.Classes
            ? classNames
            : throw new ArgumentException(
                $"classNames has {classNames.Count} names; the model has {report.Classes} classes. Expected one name for each class, or " +
                "null.",
                nameof(classNames));
}

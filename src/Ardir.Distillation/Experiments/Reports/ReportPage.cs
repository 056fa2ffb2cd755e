using Ardir.Core;

namespace Ardir.Distillation;

/// <summary>What a report shows, in order, whatever the format it is written in.</summary>
internal sealed class ReportPage(string title)
{
    private readonly List<object> _parts = [];

    public string Title => title;

    /// <summary>Parts: <see cref="Headline"/>, <see cref="Text"/>, <see cref="Lines"/>, <see cref="Grid"/> or
    /// <see cref="LineChart"/>.</summary>
    public IReadOnlyList<object> Parts => _parts;

    public ReportPage Heading(string text) => Add(new Headline(text));

    public ReportPage Paragraph(string text) => text.Length == 0 ? this : Add(new Text(text));

    public ReportPage List(IReadOnlyList<string> lines) => lines.Count == 0 ? this : Add(new Lines(lines));

    public ReportPage Table(IReadOnlyList<string> headers, IReadOnlyList<IReadOnlyList<string>> rows) =>
        rows.Count == 0 ? this : Add(new Grid(headers, rows));

    public ReportPage Chart(LineChart chart) => Add(chart);

    private ReportPage Add(object part)
    {
        _parts.Add(part);
        return this;
    }

    internal sealed record Headline(string Value);

    internal sealed record Text(string Value);

    internal sealed record Lines(IReadOnlyList<string> Values);

    internal sealed record Grid(IReadOnlyList<string> Headers, IReadOnlyList<IReadOnlyList<string>> Rows);
}

using System.Globalization;
using System.Net;
using System.Text;

namespace Ardir.Core;

/// <summary>
/// Builds one self-contained HTML file: styles, charts (SVG) and pictures (PNG) are inside, and there is no script and no reference to
/// another file or address. All text is escaped. The page follows the reader's light or dark setting and stays readable when it is
/// printed in greyscale. The same calls give the same bytes.
/// </summary>
/// <example><code>
/// new HtmlReport("Adversarial training")
///     .Paragraph("PGD-10, epsilon 0.1")
///     .Table(["Attack", "Accuracy"], [["none", "89.1 %"], ["PGD-20", "71.4 %"]])
///     .LineChart(chart)
///     .ImageGrid(grid)
///     .Save("report.html");
/// </code></example>
public sealed class HtmlReport
{
    // In CSS pixels. Pictures are enlarged to at least this width unless the grid sets PixelSize; captions always get at least this width.
    private const int PictureWidth = 96;

    private readonly StringBuilder _body = new();

    /// <summary>Makes an empty report.</summary>
    /// <param name="title">Title of the page and its first heading.</param>
    public HtmlReport(string title)
    {
        ArgumentNullException.ThrowIfNull(title);
        Title = title;
    }

    /// <summary>Title of the page.</summary>
    public string Title { get; }

    /// <summary>Adds a heading.</summary>
    /// <param name="text">Its text.</param>
    /// <returns>This report.</returns>
    public HtmlReport Heading(string text) => Element("h2", text);

    /// <summary>Adds a paragraph.</summary>
    /// <param name="text">Its text; markup is shown as it is written.</param>
    /// <returns>This report.</returns>
    public HtmlReport Paragraph(string text) => Element("p", text);

    /// <summary>Adds a table. Columns of numbers are aligned to the right.</summary>
    /// <param name="headers">Headings of the columns.</param>
    /// <param name="rows">Cells, row by row.</param>
    /// <returns>This report.</returns>
    /// <exception cref="ArgumentException">A row does not have one cell per heading.</exception>
    public HtmlReport Table(IReadOnlyList<string> headers, IEnumerable<IReadOnlyList<string>> rows)
    {
        ArgumentNullException.ThrowIfNull(headers);
        ArgumentNullException.ThrowIfNull(rows);
        var all = rows.ToArray();
        foreach (var row in all)
        {
            if (row.Count != headers.Count)
                throw new ArgumentException($"A row has {row.Count} cells; expected {headers.Count}, one per heading.", nameof(rows));
        }
        var kinds = headers
            .Select((_, column) => all.Length > 0 && Array.TrueForAll(all, row => IsNumber(row[column])) ? " class=\"number\"" : "")
            .ToArray();
        _body.Append("<div class=\"wide\"><table class=\"data\"><thead><tr>");
        for (var i = 0; i < headers.Count; i++) Add($"<th{kinds[i]} scope=\"col\">{Escape(headers[i])}</th>");
        _body.Append("</tr></thead><tbody>\n");
        foreach (var row in all)
        {
            _body.Append("<tr>");
            for (var i = 0; i < row.Count; i++) Add($"<td{kinds[i]}>{Escape(row[i])}</td>");
            _body.Append("</tr>\n");
        }
        _body.Append("</tbody></table></div>\n");
        return this;
    }

    /// <summary>Adds a chart.</summary>
    /// <param name="chart">The chart as it is now; later changes to it do not affect the report.</param>
    /// <returns>This report.</returns>
    public HtmlReport LineChart(LineChart chart)
    {
        ArgumentNullException.ThrowIfNull(chart);
        Add($"<figure><figcaption class=\"title\">{Escape(chart.Title)}</figcaption>\n{SvgChart.Render(chart)}\n<ul class=\"legend\">");
        for (var i = 0; i < chart.Series.Count; i++) Add($"<li>{SvgChart.Swatch(i)}{Escape(chart.Series[i].Name)}</li>");
        _body.Append("</ul></figure>\n");
        return this;
    }

    /// <summary>Adds rows of pictures.</summary>
    /// <param name="grid">The grid as it is now; later changes to it do not affect the report.</param>
    /// <returns>This report.</returns>
    public HtmlReport ImageGrid(ImageGrid grid)
    {
        ArgumentNullException.ThrowIfNull(grid);
        var labelled = grid.Rows.Any(row => row.Label.Length > 0);
        _body.Append("<div class=\"wide\"><table class=\"pictures\">");
        if (grid.Columns.Count > 0)
        {
            _body.Append(labelled ? "<thead><tr><td></td>" : "<thead><tr>");
            foreach (var column in grid.Columns) Add($"<th scope=\"col\">{Escape(column)}</th>");
            _body.Append("</tr></thead>");
        }
        _body.Append("<tbody>\n");
        foreach (var (label, cells) in grid.Rows)
        {
            _body.Append("<tr>");
            if (labelled) Add($"<th scope=\"row\">{Escape(label)}</th>");
            foreach (var cell in cells) Picture(cell, grid.PixelSize ?? (PictureWidth + cell.Width - 1) / cell.Width);
            _body.Append("</tr>\n");
        }
        _body.Append("</tbody></table></div>\n");
        return this;
    }

    /// <summary>The page so far.</summary>
    /// <returns>A complete HTML document.</returns>
    public string ToHtml() =>
        $"""
        <!DOCTYPE html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <title>{Escape(Title)}</title>
        <style>
        {ReportStyle.Css}
        </style>
        </head>
        <body>
        <main>
        <h1>{Escape(Title)}</h1>
        {_body}</main>
        </body>
        </html>

        """.ReplaceLineEndings("\n");

    /// <summary>
    /// Writes the page as UTF-8. It is written under another name first and then renamed, so that no incomplete file appears at the path.
    /// </summary>
    /// <param name="path">The file. Its folder is created if it does not exist; an existing file is replaced.</param>
    /// <exception cref="ArgumentException">The path is empty or a folder.</exception>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public void Save(string path)
    {
        var bytes = Encoding.UTF8.GetBytes(ToHtml());
        AtomicFile.Write(path, stream => stream.Write(bytes));
    }

    private void Picture(ImageGridCell cell, int scale)
    {
        var (width, height) = (cell.Width * scale, cell.Height * scale);
        Add($"<td><img src=\"{cell.DataUri}\" width=\"{width}\" height=\"{height}\" alt=\"{Escape(cell.Caption)}\">");
        Add($"<div class=\"caption\" style=\"width:{Math.Max(width, PictureWidth)}px\">{Escape(cell.Caption)}</div></td>");
    }

    private HtmlReport Element(string tag, string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        Add($"<{tag}>{Escape(text)}</{tag}>\n");
        return this;
    }

    private void Add(FormattableString markup) => _body.Append(markup.ToString(CultureInfo.InvariantCulture));

    private static string Escape(string text) => WebUtility.HtmlEncode(text);

    // Numbers are texts such as "8/255", "-0.3" and "71.4 %". A dash or an empty cell may stand for a missing number.
    private static bool IsNumber(string cell) =>
        cell is "" or "-" or "–"
        || char.IsAsciiDigit(cell[0])
        || (cell.Length > 1 && cell[0] is '-' or '+' && char.IsAsciiDigit(cell[1]));
}

using System.Text;
using Ardir.Core;

namespace Ardir.Distillation;

/// <summary>A <see cref="ReportPage"/> as Markdown and as HTML.</summary>
internal static class ReportFormats
{
    public static HtmlReport Html(ReportPage page)
    {
        var html = new HtmlReport(page.Title);
        foreach (var part in page.Parts)
        {
            _ = part switch
            {
                ReportPage.Headline headline => html.Heading(headline.Value),
                ReportPage.Text text => html.Paragraph(text.Value),
                ReportPage.Lines lines => html.Paragraph(string.Join('\n', lines.Values.Select(line => $"• {line}"))),
                ReportPage.Grid grid => html.Table(grid.Headers, grid.Rows),
                _ => html.LineChart((LineChart)part),
            };
        }
        return html;
    }

    public static string Markdown(ReportPage page)
    {
        var text = new StringBuilder().Append("# ").Append(MarkdownText.Escape(page.Title)).Append("\n\n");
        foreach (var part in page.Parts)
        {
            _ = part switch
            {
                ReportPage.Headline headline => text.Append("## ").Append(MarkdownText.Escape(headline.Value)).Append("\n\n"),
                ReportPage.Text paragraph => text.Append(Paragraph(paragraph.Value)).Append("\n\n"),
                ReportPage.Lines lines => text.AppendJoin("", lines.Values.Select(line => $"- {MarkdownText.Escape(line)}\n")).Append('\n'),
                ReportPage.Grid grid => Table(text, grid),
                // A Markdown file cannot hold a picture.
                _ => text.Append("Chart in report.html: ").Append(MarkdownText.Escape(((LineChart)part).Title)).Append("\n\n"),
            };
        }
        return text.ToString().TrimEnd('\n') + "\n";
    }

    private static StringBuilder Table(StringBuilder text, ReportPage.Grid grid)
    {
        text.Append("| ").AppendJoin(" | ", grid.Headers.Select(MarkdownText.Escape)).Append(" |\n|");
        for (var i = 0; i < grid.Headers.Count; i++) text.Append(grid.Rows.All(row => IsNumber(row[i])) ? "---:|" : "---|");
        foreach (var row in grid.Rows) text.Append("\n| ").AppendJoin(" | ", row.Select(MarkdownText.Escape)).Append(" |");
        return text.Append("\n\n");
    }

    // Columns of numbers are aligned to the right. A word or a dash may stand for a missing number.
    private static bool IsNumber(string cell) =>
        cell is ReportText.None or ReportText.Diverged
        || (cell.Length > 0 && char.IsAsciiDigit(cell[0]))
        || (cell.Length > 1 && cell[0] is '-' or '+' && char.IsAsciiDigit(cell[1]));

    // These make a heading, a quotation, an item or code of a line that begins with them.
    private static string Paragraph(string text)
    {
        var escaped = MarkdownText.Escape(text).TrimStart();
        return escaped is ['#' or '>' or '-' or '+' or '~' or '=', ..] ? $"\\{escaped}" : escaped;
    }
}

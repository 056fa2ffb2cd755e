using System.Text;

namespace Ardir.Core;

/// <summary>Text of a user in a Markdown file.</summary>
public static class MarkdownText
{
    /// <summary>Marks up a text so that Markdown shows it as it is: it can neither end its table cell, row or item nor be read as
    /// markup.</summary>
    /// <param name="text">For example the name of a class or of an attack.</param>
    /// <returns>The text for Markdown; line breaks and control characters have become blanks.</returns>
    public static string Escape(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var escaped = new StringBuilder();
        foreach (var c in text)
        {
            if (char.IsControl(c) || c is '\u2028' or '\u2029') escaped.Append(' ');
            else if (c == '&') escaped.Append("&amp;");
            else if (c == '<') escaped.Append("&lt;");
            else escaped.Append(c is '\\' or '|' or '`' or '*' or '[' or ']' or '_' ? "\\" : "").Append(c);
        }
        return escaped.ToString();
    }
}

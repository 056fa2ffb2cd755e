using Ardir.Core;

namespace Ardir.Tests;

/// <summary>A user's text in Markdown.</summary>
public sealed class MarkdownTextTests
{
    [Theory]
    [InlineData("PGD-20", "PGD-20")]
    [InlineData("a|b", "a\\|b")]
    [InlineData("*bold* _it_ `code` [link]", "\\*bold\\* \\_it\\_ \\`code\\` \\[link\\]")]
    [InlineData("<script> & more", "&lt;script> &amp; more")]
    [InlineData("two\nlines\u2028or\u2029three\t", "two lines or three ")]
    [InlineData("back\\slash", "back\\\\slash")]
    public void Escape_MarkupAndLineBreaks_AreShownAsTheyAre(string text, string expected) => MarkdownText.Escape(text).Should().Be(expected);
}

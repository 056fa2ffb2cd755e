using System.Text.RegularExpressions;

namespace Ardir.Tests;

/// <summary>
/// Folders point one way. Which folder may use which is drawn in docs/architecture.md, and these tests hold the sources to the drawing.
/// </summary>
public sealed partial class FolderRulesTests
{
    private static string Document => File.ReadAllText(Path.Combine(RepositoryRulesTests.Root, "docs/architecture.md"));

    [Theory]
    [InlineData("Ardir.Core"), InlineData("Ardir.Attacks"), InlineData("Ardir.Distillation"), InlineData("Ardir.Distributed")]
    public void Folders_UseOnlyThoseThatTheDrawingAllows(string package)
    {
        var allowed = Drawn(package);
        SourceMap.Of(package).Arrows.Where(arrow => !allowed.Contains((arrow.From, arrow.To)))
            .Select(arrow => $"{arrow.From} uses {arrow.To}: {arrow.Why}").Should().BeEmpty("docs/architecture.md draws no such arrow");
    }

    [Theory]
    [InlineData("Ardir.Core"), InlineData("Ardir.Attacks"), InlineData("Ardir.Distillation"), InlineData("Ardir.Distributed")]
    public void Drawing_HasNoCircleAndNoArrowThatNothingUses(string package)
    {
        var drawn = Drawn(package);
        drawn.Should().NotBeEmpty();
        var used = SourceMap.Of(package).Arrows.Select(arrow => (arrow.From, arrow.To)).ToHashSet();
        drawn.Where(arrow => !used.Contains(arrow)).Should().BeEmpty("an arrow that the sources do not need must go from docs/architecture.md");
        var left = drawn.ToHashSet();
        while (left.RemoveWhere(arrow => left.All(other => other.From != arrow.To)) > 0)
        {
            // Arrows to folders that use nothing more are taken away until only a circle could be left.
        }
        left.Should().BeEmpty("the folders must point one way");
    }

    [Fact]
    public void Arrows_FindMembersAndTypes()
    {
        var arrows = SourceMap.Of("Ardir.Core").Arrows;
        arrows.Should().Contain(("Randomness", "Tensors", "SampleStreams names Transfer"));
        arrows.Should().NotContain(arrow => arrow.From == arrow.To);
    }

    /// <summary>The arrows of a package's drawing, a mermaid flowchart below the heading with its name: <c>A --> B &amp; C</c>.</summary>
    private static HashSet<(string From, string To)> Drawn(string package)
    {
        var start = Document.IndexOf($"### {package}\n", StringComparison.Ordinal);
        start.Should().BePositive("docs/architecture.md draws {0}", package);
        var open = Document.IndexOf("```mermaid\n", start, StringComparison.Ordinal);
        var close = Document.IndexOf("```\n", open + 3, StringComparison.Ordinal);
        return [.. Arrow().Matches(Document[open..close]).SelectMany(line => line.Groups["to"].Value.Split('&').Select(to => (line.Groups["from"].Value, to.Trim())))];
    }

    [GeneratedRegex(@"^\s*(?<from>\w+) --> (?<to>[\w& ]+)$", RegexOptions.Multiline)]
    private static partial Regex Arrow();
}

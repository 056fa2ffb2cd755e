using System.Text.RegularExpressions;

namespace Ardir.Tests;

/// <summary>Links from one page of the repository to another lead somewhere.</summary>
public sealed partial class LinkTests
{
    [Fact]
    public void RelativeLinks_LeadToFilesAndHeadingsThatExist()
    {
        var root = RepositoryRulesTests.Root;
        var pages = Directory.EnumerateFiles(root, "*.md")
            .Concat(new[] { "docs", "benchmarks", "samples", "src" }.SelectMany(folder =>
                Directory.EnumerateFiles(Path.Combine(root, folder), "*.md", SearchOption.AllDirectories)))
            .Where(page => !page.Contains($"{Path.DirectorySeparatorChar}bin{Path.DirectorySeparatorChar}", StringComparison.Ordinal)).ToList();
        pages.Should().Contain(Path.Combine(root, "README.md")).And.HaveCountGreaterThan(15);
        pages.SelectMany(page => Links(page).Where(link => !Leads(page, link)).Select(link => $"{Path.GetRelativePath(root, page)}: {link}"))
            .Should().BeEmpty();
    }

    private static IEnumerable<string> Links(string page) =>
        Link().Matches(Code().Replace(File.ReadAllText(page), "")).Select(match => match.Groups["to"].Value)
            .Where(link => !link.Contains("://", StringComparison.Ordinal));

    private static bool Leads(string page, string link)
    {
        var parts = link.Split('#');
        var target = parts[0].Length == 0 ? page : Path.Combine(Path.GetDirectoryName(page)!, parts[0]);
        return Path.Exists(target) && (parts.Length == 1 || Anchors(target).Contains(parts[1]));
    }

    // As GitHub makes them: lower case, hyphens for blanks, letters, digits, hyphens and underscores alone.
    private static IEnumerable<string> Anchors(string page) =>
        Heading().Matches(Code().Replace(File.ReadAllText(page), ""))
            .Select(match => Dropped().Replace(match.Groups["text"].Value.Trim().ToLowerInvariant(), "").Replace(' ', '-'));

    [GeneratedRegex(@"^```.*?^```", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex Code();

    [GeneratedRegex(@"\]\((?<to>[^)\s]+)\)", RegexOptions.ExplicitCapture)]
    private static partial Regex Link();

    [GeneratedRegex(@"^#+ (?<text>.+)$", RegexOptions.Multiline | RegexOptions.ExplicitCapture)]
    private static partial Regex Heading();

    [GeneratedRegex(@"[^\w\- ]")]
    private static partial Regex Dropped();
}

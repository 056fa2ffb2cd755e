using System.Text.RegularExpressions;
using Ardir.Attacks;
using Ardir.Core;
using Ardir.Distillation;
using Ardir.Distributed;

namespace Ardir.Tests;

/// <summary>docs/api.md promises every public type; its code is compiled and run by <see cref="PackedPackagesTests"/>.</summary>
public sealed partial class ApiPageTests
{
    [Fact]
    public void EveryPublicType_IsNamed_AndNothingElse()
    {
        var page = File.ReadAllText(Path.Combine(PackedPackagesTests.Root, "docs", "api.md"));
        var types = new[] { typeof(ThreatModel), typeof(IAttack), typeof(ArdirLoss), typeof(MpiCollective) }
            .SelectMany(type => type.Assembly.GetExportedTypes()).Select(type => type.Name).ToHashSet();
        // The first column of the tables holds types and nothing else.
        var named = Row().Matches(page).SelectMany(row => Name().Matches(row.Groups["types"].Value))
            .Select(name => name.Groups["name"].Value).ToHashSet();
        named.Should().BeEquivalentTo(types);
    }

    [GeneratedRegex(@"^\|(?<types>[^|]*`[^|]*)\|", RegexOptions.Multiline | RegexOptions.ExplicitCapture)]
    private static partial Regex Row();

    [GeneratedRegex(@"`(?<name>\w+)`", RegexOptions.ExplicitCapture)]
    private static partial Regex Name();
}

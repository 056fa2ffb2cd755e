using Ardir.Attacks;
using Ardir.Core;

namespace Ardir.Tests;

/// <summary>What a report says and writes, whatever the names and whatever its owner has done.</summary>
public sealed class RobustnessReportTests : IDisposable
{
    private static readonly ThreatModel _threat = ThreatModel.Linf(0.05);

    private readonly TemporaryFolder _folder = new();

    [Fact]
    public void Seeds_OfOptionsAndContext_AreBothTold()
    {
        using var scope = NewDisposeScope();
        using var report = Evaluate(new AttackContext { Seed = 7 });
        (report.Seed, report.ContextSeed).Should().Be((3ul, 7ul));
        report.SaveJson(_folder.File("r.json"));
        report.SaveMarkdown(_folder.File("r.md"));
        report.SaveHtml(_folder.File("r.html"));
        File.ReadAllText(_folder.File("r.json")).Should().Contain("\"seed\": 3,").And.Contain("\"contextSeed\": 7,");
        File.ReadAllText(_folder.File("r.md")).Should().Contain("seed 3 and 7.");
        File.ReadAllText(_folder.File("r.html")).Should().Contain("seed 3 and 7.");
        using var plain = Evaluate(new AttackContext());
        plain.SaveMarkdown(_folder.File("r.md"));
        File.ReadAllText(_folder.File("r.md")).Should().Contain("seed 3.");
    }

    [Theory]
    [InlineData("a|b", @"a\|b")]
    [InlineData(@"a\|b", @"a\\\|b")]
    [InlineData("line\r\nbreak", "line  break")]
    [InlineData("\u2028 and \u0085", "  and  ")]
    [InlineData("<script>alert(1)</script>", "&lt;script>alert(1)&lt;/script>")]
    [InlineData("R&D", "R&amp;D")]
    [InlineData("[x](http://y)", @"\[x\](http://y)")]
    [InlineData("`a` *b* __c__", @"\`a\` \*b\* \_\_c\_\_")]
    [InlineData("", "1")]
    [InlineData(null, "1")]
    public void SaveMarkdown_AnyClassName_StaysInItsCell(string? name, string cell)
    {
        using var scope = NewDisposeScope();
        using var report = Evaluate(new AttackContext());
        report.SaveMarkdown(_folder.File("r.md"), ["zero", name!, "two", "three"]);
        var lines = File.ReadAllText(_folder.File("r.md")).Split('\n');
        lines.Should().ContainSingle(line => line.StartsWith($"| {cell} | ", StringComparison.Ordinal));
        lines.Where(line => line.StartsWith('|')).Should().OnlyContain(line => line.EndsWith('|'));
        lines.Should().OnlyContain(line => !line.Contains('\r') && !line.Contains('<'));
    }

    [Fact]
    public void SaveHtml_AnyClassName_IsShownAsWritten()
    {
        using var scope = NewDisposeScope();
        using var report = Evaluate(new AttackContext());
        string[] names = ["<script>alert(1)</script>", "\" onload=\"x", "</td></table>", "'&'"];
        report.SaveHtml(_folder.File("r.html"), names);
        var html = File.ReadAllText(_folder.File("r.html"));
        html.Should().Contain("&lt;script&gt;alert(1)").And.NotContain("<script").And.NotContain("\" onload=\"x").And.NotContain("</td></table></td>");
        html.Should().Contain("alt=\"", "some image is broken, and its class is in an attribute");
    }

    [Theory]
    [InlineData(3)]
    [InlineData(5)]
    public void Save_NotOneNameForEachClass_IsRefusedBeforeAnyWork(int count)
    {
        using var scope = NewDisposeScope();
        using var report = Evaluate(new AttackContext());
        report.Classes.Should().Be(4);
        string[] names = [.. Enumerable.Range(0, count).Select(i => $"class {i}")];
        foreach (var save in new Action[] { () => report.SaveHtml(_folder.File("r.html"), names), () => report.SaveMarkdown(_folder.File("r.md"), names) })
            save.Should().Throw<ArgumentException>().WithMessage($"classNames has {count} names; the model has 4 classes.*").WithParameterName("classNames");
        _folder.Names.Should().BeEmpty();
    }

    [Fact]
    public void Report_AfterItsInputsAndItself_AreDisposed()
    {
        using var scope = NewDisposeScope();
        using var model = TinyModels.Linear(dtype: ScalarType.Float32);
        var (images, labels) = (TinyModels.Images(6), TinyModels.Labels(6));
        var report = new AutoAttack(_threat, Options()).Evaluate(model, images, labels);
        images.Dispose();
        labels.Dispose();
        report.SaveHtml(_folder.File("r.html"));
        report.SaveMarkdown(_folder.File("r.md"));
        report.Dispose();
        report.Dispose();
        report.SaveJson(_folder.File("r.json"));
        report.Count.Should().Be(6);
        foreach (var late in new Action[] { () => report.SaveHtml(_folder.File("late")), () => report.SaveMarkdown(_folder.File("late")), () => _ = report.Images, () => _ = report.Labels, () => _ = report.Adversarial })
            late.Should().Throw<ObjectDisposedException>();
        _folder.Names.Should().Equal("r.html", "r.json", "r.md");
    }

    [Fact]
    public void Save_WhereNoFileCanBe_SaysSoAndLeavesNothing()
    {
        using var scope = NewDisposeScope();
        using var report = Evaluate(new AttackContext());
        File.WriteAllText(_folder.File("file"), "x");
        Directory.CreateDirectory(_folder.File("folder"));
        foreach (var save in new Action<string>[] { report.SaveJson, path => report.SaveMarkdown(path), path => report.SaveHtml(path) })
        {
            FluentActions.Invoking(() => save(_folder.File("folder"))).Should().Throw<ArgumentException>().WithMessage("*is a folder*");
            FluentActions.Invoking(() => save(Path.Combine(_folder.File("file"), "r"))).Should().Throw<IOException>();
            FluentActions.Invoking(() => save("")).Should().Throw<ArgumentException>();
            FluentActions.Invoking(() => save(null!)).Should().Throw<ArgumentNullException>();
        }
        _folder.Names.Should().Equal("file", "folder");
        Directory.GetFileSystemEntries(_folder.File("folder")).Should().BeEmpty();
    }

    public void Dispose() => _folder.Dispose();

    private static AutoAttackOptions Options() => new()
    {
        Version = AutoAttackVersion.Custom, Attacks = [new FgsmAttack(_threat), new PgdAttack(_threat)], Seed = 3, Diagnose = false,
    };

    private static RobustnessReport Evaluate(AttackContext context)
    {
        using var model = TinyModels.Linear(dtype: ScalarType.Float32);
        var images = TinyModels.Images(12);
        return new AutoAttack(_threat, Options()).Evaluate(model, images, TinyModels.Predicted(model, images), context);
    }
}

using System.Globalization;
using Ardir.Distillation;

namespace Ardir.Tests;

/// <summary>docs/results.md: its tables are those of the records beside it.</summary>
public sealed class PublishedResultsTests
{
    private static readonly string _folder = Path.Combine(PackedPackagesTests.Root, "docs", "results");

    private static readonly string _pilots = Path.Combine(_folder, "pilots");

    private static IEnumerable<string> StudyNames =>
        Directory.GetDirectories(_folder).Where(folder => folder != _pilots).Select(folder => Path.GetFileName(folder)!);

    public static TheoryData<string> Studies => [.. StudyNames];

    [Theory]
    [MemberData(nameof(Studies))]
    public void Report_OfAStudy_IsThatOfItsRecords(string study)
    {
        var folder = Path.Combine(_folder, study);
        var results = ExperimentResults.Load(ExperimentPlan.Load(Path.Combine(folder, "plan.json")), folder);

        results.Records.Should().NotBeEmpty();
        new ExperimentReport(results).ToMarkdown().Should().Be(File.ReadAllText(Path.Combine(folder, "report.md")).ReplaceLineEndings("\n"));
    }

    [Fact]
    public void Page_QuotesNoOtherTables()
    {
        var page = File.ReadAllLines(Path.Combine(_folder, "..", "results.md"));
        var pilots = Directory.GetDirectories(_pilots).Order(StringComparer.Ordinal).Select(Pilot).ToList();
        var reported = StudyNames.SelectMany(study => File.ReadAllLines(Path.Combine(_folder, study, "report.md"))).Concat(pilots).ToHashSet();

        // Headings of tables are the page's own.
        var tables = page.Where((line, i) => line.StartsWith("| ", StringComparison.Ordinal) && !page[i + 1].StartsWith("|---", StringComparison.Ordinal));

        tables.Should().Contain(pilots, "no pilot is left out");
        tables.Should().OnlyContain(line => reported.Contains(line));
    }

    // How far SAT fits its adversarial training images at the end, and what becomes of its robustness on validation images.
    private static string Pilot(string folder)
    {
        var plan = ExperimentPlan.Load(Path.Combine(folder, "plan.json"));
        var record = ExperimentResults.Load(plan, folder).Records.Should().ContainSingle().Which;
        var (best, last) = (record.Epochs[record.BestEpoch], record.Epochs[^1]);
        return string.Create(CultureInfo.InvariantCulture,
            $"| `{Path.GetFileName(folder)}` | {100 * last.TrainAccuracy:0.0} | {100 * best.RobustAccuracy:0.0} (epoch {best.Epoch + 1} of {record.Epochs.Count}) | {100 * last.RobustAccuracy:0.0} |");
    }
}

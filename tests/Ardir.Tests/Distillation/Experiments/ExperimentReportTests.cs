using System.Text.RegularExpressions;
using Ardir.Distillation;
using static Ardir.Tests.StudyRecords;

namespace Ardir.Tests;

public sealed class ExperimentReportTests : IDisposable
{
    private readonly string _folder = Path.Combine(Path.GetTempPath(), $"ardir-study-{Guid.NewGuid():N}");

    public void Dispose()
    {
        if (Directory.Exists(_folder)) Directory.Delete(_folder, recursive: true);
    }

    private static ExperimentPlan Paper() => Plan(
        Method("SAT teacher"), Method("SAT"), Method("ARD-RC", "ard", "SAT teacher"), Method("ARDIR-RC", "ardir", "SAT teacher"));

    private static string PaperReport(ExperimentPlan plan) => Markdown(
        plan, Runs("SAT teacher", 470, 480, 490), Runs("SAT", 460, 470, 480), Runs("ARD-RC", 480, 485, 490), Runs("ARDIR-RC", 499, 505, 509));

    [Fact]
    public void ToMarkdown_BeginsWithTableAndSentences()
    {
        var text = PaperReport(Paper() with { Remark = "Decided beforehand." });
        var top = text[..text.IndexOf("\n## ", StringComparison.Ordinal)];
        top.Should().StartWith("# A study\n\nDecided beforehand.\n\n| Method | Seeds | Clean | PGD-20 | AutoAttack |\n|---|---:|---:|---:|---:|\n"
            + "| SAT teacher | 3 | 90.0 ± 0.0 | 50.0 ± 1.0 | 48.0 ± 1.0 |\n");
        // ARDIR-RC minus ARD-RC: 1.9, 2.0, 1.9; half width 4.302653 * 0.057735 / sqrt(3) = 0.1434.
        top.Should().Contain("- ARDIR-RC is ahead of ARD-RC by 1.9 ± 0.1 points (AutoAttack, 3 seeds, 95 % interval).\n");
        // Against SAT: 3.9, 3.5, 2.9. Against the teacher: 2.9, 2.5, 1.9. Both vary by 0.50332: half width 1.2503.
        top.Should().Contain("- ARDIR-RC is ahead of SAT by 3.4 ± 1.3 points (AutoAttack, 3 seeds, 95 % interval).\n");
        top.Should().Contain("- ARDIR-RC is ahead of SAT teacher by 2.4 ± 1.3 points (AutoAttack, 3 seeds, 95 % interval).\n");
        top.Should().NotContain("- ARD-RC").And.NotContain("paper)");
        // ARD-RC: 2.0, 1.5, 1.0 against SAT, 1.0, 0.5, 0.0 against the teacher; half width 4.302653 * 0.5 / sqrt(3) = 1.2421.
        top.Should().Contain("Verdicts on all 5 pairs under AutoAttack: ahead 4, not distinguishable 1.");
        top.Should().Contain("All 12 runs are complete. The best epoch was chosen on 1,000 images held out from the training set, by PGD-20.");
    }

    [Fact]
    public void ToMarkdown_AllDifferences_AreInATable()
    {
        var section = Section(PaperReport(Paper()), "Paired differences");
        section.Should().Contain("| AutoAttack | ARD-RC | SAT | +1.5 ± 1.2 | 3 | ahead |\n").And.Contain("| AutoAttack | ARD-RC | SAT teacher | +0.5 ± 1.2 | 3 | not distinguishable |\n")
            .And.Contain("| clean | ARDIR-RC | SAT | +0.0 ± 0.0 | 3 | not distinguishable |\n").And.Contain("Of 15 intervals about 0.8 miss");
        Regex.Count(section, "(?m)^\\| (clean|PGD-20|AutoAttack) ").Should().Be(15);
    }

    [Fact]
    public void ToMarkdown_OfCifar10_ShowsThePapersValuesAndThatScalesDiffer()
    {
        var text = PaperReport(Paper() with { Data = new ExperimentData { Dataset = ExperimentDataset.Cifar10, TrainImages = 1000 } });
        text.Should().Contain("| Method | Seeds | Clean (paper) | PGD-20 (paper) | AutoAttack (paper) |\n")
            .And.Contain("| ARDIR-RC | 3 | 90.0 ± 0.0 (82.67) | 52.4 ± 0.5 (54.79) | 50.4 ± 0.5 (50.14) |\n")
            .And.Contain("In brackets: Table 2 of the ARDIR paper, at full scale, one run each. This plan differs from the paper in the number of training images, ");
        Section(text, "Teachers").Should().Contain("| Paper, SAT | 59.27 | – | – | 80.94 | 52.29 | 47.87 |");
        var full = PaperPlans.Comparison(ExperimentDataset.Svhn, ExperimentScale.Full) with { Seeds = [1] };
        Markdown(full, Runs("ARDIR-RC", 500)).Should().Contain("| ARDIR-RC | 1 | 90.0 (91.14) | – (65.86) | 52.0 (57.47) | 50.0 (49.44) |\n")
            .And.Contain("Table 3 of the ARDIR paper, at full scale, one run each. This plan has the paper's scale.")
            .And.Contain("chosen on the test images themselves, by PGD-20, as in the paper; this flatters");
    }

    [Fact]
    public void ToMarkdown_FullPlanOnAPartOfTheData_SaysSo()
    {
        var full = PaperPlans.Comparison(ExperimentDataset.Cifar10, ExperimentScale.Full) with { Seeds = [1] };
        static RunRecord On(RunRecord record, string images) => record with { Identity = new Dictionary<string, string> { ["training images"] = images } };

        var part = Markdown(full, [On(Run("SAT", 1, 900, 500), "10000 images, 0123456789abcdef")]);

        part.Should().Contain("This plan differs from the paper in the number of training images, so compare").And.Contain("CIFAR-10: 10,000 training images, ");
        Markdown(full, [On(Run("SAT", 1, 900, 500), "50000 images, 0123456789abcdef")]).Should().Contain("This plan has the paper's scale.");
    }

    [Fact]
    public void Report_TextsThatAreMarkup_AreShownAsTheyAre()
    {
        const string Markup = "# <script>alert(1)</script> & \"<b>\" | *x*";
        var plan = Plan(Method("A", Markup) with { InitialWeights = Markup }, Method("B")) with { Name = Markup, Remark = Markup };
        var report = new ExperimentReport(Results(plan, Runs("A", 500, 510), [Failed("B", 1, RunOutcome.Diverged, Markup)]));

        report.ToHtml().Should().NotContain("<script").And.NotContain("<b>").And.Contain("&lt;script&gt;alert(1)&lt;/script&gt; &amp; &quot;&lt;b&gt;&quot;");
        report.ToMarkdown().Should().NotContain("<script").And.Contain("\n\\# &lt;script>alert(1)&lt;/script> &amp; \"&lt;b>\" \\| \\*x\\*\n");
    }

    [Fact]
    public void ToMarkdown_FailedAndMissingRuns_AreListedAndCounted()
    {
        var plan = Plan(Method("A"), Method("B"), Method("C", "ard", "B"), Method("D"));
        var text = Markdown(plan, [Run("A", 1, 900, 500), Failed("A", 2, RunOutcome.Diverged, "The loss is NaN.")],
            Enumerable.Range(1, 3).Select(seed => Failed("B", (ulong)seed, RunOutcome.Diverged, "|Weights|\nare infinite.")),
            [Failed("C", 1, RunOutcome.TeacherDiverged, "No teacher.")],
            [Run("D", 1, 900, 400), Run("D", 2, 900, 410), Run("D", 3, 900, 420) with { Evaluations = [Evaluation("PGD-20", KeptWeights.Best, 900, 450)] }]);
        text.Should().Contain("| A | 1 of 3 (1 diverged, 1 missing) | 90.0 | 52.0 | 50.0 |\n")
            .And.Contain("| B | 0 of 3 (3 diverged) | diverged | diverged | diverged |\n")
            .And.Contain("| C | 0 of 3 (1 diverged, 2 missing) | diverged | diverged | diverged |\n")
            .And.Contain("| D | 3 | 90.0 ± 0.0 | 43.3 ± 1.5 | 40.5 ± 0.7 (n = 2) |\n")
            .And.Contain("3 of 12 runs complete; 1 trained, with attacks still to run; 4 diverged; 1 not begun because the teacher diverged; 3 missing.");
        Section(text, "Runs without a result").Should().Contain("- A, seed 2: diverged. The loss is NaN.\n").And.Contain("- B, seed 3: diverged. \\|Weights\\| are infinite.\n")
            .And.Contain("- C, seed 1: teacher diverged. No teacher.\n").And.Contain("- No record of seed 3: A.\n").And.Contain("- No record of seed 2, 3: C.");
    }

    [Fact]
    public void ToMarkdown_BestAgainstLast_IsPairedBySeed()
    {
        var section = Section(PaperReport(Paper()), "Best against last epoch");
        section.Should().Contain("under AutoAttack in percent").And.Contain("| Method | Best epoch | Best | Last | Best - last |\n")
            .And.Contain("| SAT | 2 | 47.0 ± 1.0 | 44.0 ± 1.0 | 3.0 ± 0.0 |");
    }

    [Fact]
    public void ToMarkdown_BestAgainstLast_IsUnderTheStrongestAttackOnBoth()
    {
        var plan = Plan(Method("SAT")) with { Attacks = [new() { Name = "FGSM" }, new() { Name = "PGD-20" }, new() { Name = "AutoAttack" }] };
        var runs = Runs("SAT", 450, 460, 470).Select(run => run with
        {
            Evaluations =
            [
                Evaluation("FGSM", KeptWeights.Best, 900, 600), Evaluation("FGSM", KeptWeights.Last, 900, 590),
                .. run.Evaluations.Where(evaluation => (evaluation.Attack, evaluation.Weights) != ("AutoAttack", KeptWeights.Last)),
            ],
        });

        // Of 1,000 images PGD-20 leaves 20 more than AutoAttack at the best epoch, and 30 less than that at the last.
        Markdown(plan, runs).Should().Contain("Robust accuracy under PGD-20 in percent").And.Contain("| SAT | 2 | 48.0 ± 1.0 | 45.0 ± 1.0 | 3.0 ± 0.0 |");
    }

    [Fact]
    public void ToMarkdown_OwnPlan_ComparesWithTheFirstMethod()
    {
        var plan = Plan(Method("mine", "own"), Method("other", "own")) with { Attacks = [new ExperimentAttack { Name = "my attack" }], Seeds = [7] };
        RunRecord Own(string name, int robust) =>
            Run(name, 7, 900, 0) with { Evaluations = [Evaluation("my attack", KeptWeights.Best, 900, robust) with { Findings = ["It is | odd."] }] };
        var text = Markdown(plan, [Own("mine", 500), Own("other", 512)]);
        text.Should().Contain("- other against mine: one seed only, so no interval: +1.2 points (my attack).\n")
            .And.NotContain("## Teachers").And.NotContain("## Best against last").And.NotContain("## Runs without").And.NotContain("## Sweep").And.NotContain("## Replaced");
        Section(text, "Paired differences").Should().Contain("One seed has no interval.").And.NotContain("by chance");
        Section(text, "Findings of the evaluations").Should().Contain("- mine, seed 7, my attack, best epoch: It is \\| odd.\n");
    }

    [Fact]
    public void ToMarkdown_NoRecords_IsThePlanAlone()
    {
        var text = Markdown(Paper());
        Regex.Matches(text, "(?m)^## (.*)$").Select(match => match.Groups[1].Value).Should().Equal("Runs without a result", "Plan");
        text.Should().Contain("0 of 12 runs complete; 12 missing.").And.Contain("| SAT | 0 of 3 (3 missing) | – | – | – |\n");
    }

    [Fact]
    public void ToMarkdown_EveryTable_HasOneCellPerHeading()
    {
        var tables = Regex.Matches(PaperReport(Paper()), "(?m)(^\\|.*\\|\n)+").Select(match => match.Value.Trim().Split('\n')).ToList();
        tables.Should().HaveCountGreaterThan(5);
        foreach (var table in tables) table.Select(row => Regex.Count(row, "(?<!\\\\)\\|")).Distinct().Should().ContainSingle(string.Join('\n', table));
    }

    [Fact]
    public void Save_BothFiles_AreSelfContained()
    {
        var plan = Paper();
        var report = new ExperimentReport(Results(plan, Runs("SAT", 460, 470), Runs("ARDIR-RC", 499, 505)));
        report.Save(_folder);
        var html = File.ReadAllText(Path.Combine(_folder, "report.html"));
        html.Should().Be(report.ToHtml()).And.Contain("prefers-color-scheme: dark").And.Contain("<svg class=\"chart\"");
        foreach (var outside in new[] { "http", "<script", "<link", "url(", "@import", "href", "src=" }) html.Should().NotContainEquivalentOf(outside);
        File.ReadAllText(Path.Combine(_folder, "report.md")).Should().Be(report.ToMarkdown());
        Directory.GetFiles(_folder).Should().HaveCount(2);
    }
}

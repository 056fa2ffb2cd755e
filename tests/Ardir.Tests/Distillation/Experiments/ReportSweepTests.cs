using System.Text.RegularExpressions;
using Ardir.Core;
using Ardir.Distillation;
using static Ardir.Tests.StudyRecords;

namespace Ardir.Tests;

/// <summary>The sections of the report that follow settings and epochs.</summary>
public sealed class ReportSweepTests
{
    private static readonly ExperimentPlan _beta = PaperPlans.BetaSweep(ExperimentDataset.Cifar10, ExperimentScale.Small);

    [Fact]
    public void Of_ThePapersSweep_HasALineForEachImageOfTheTeacher()
    {
        var sweeps = Sweep.Of(_beta);
        sweeps.Select(sweep => (sweep.Name, sweep.Setting)).Should().Equal(("ARDIR-CC", "beta"), ("ARDIR-RC", "beta"), ("ARDIR-RA", "beta"));
        foreach (var sweep in sweeps) sweep.Methods.Select(pair => pair.Value).Should().Equal(0, 0.1, 0.2, 0.4, 0.6, 0.8, 0.9);
    }

    [Fact]
    public void Of_ThePapersComparison_IsNoSweep()
    {
        Sweep.Of(PaperPlans.Comparison(ExperimentDataset.Cifar10, ExperimentScale.Small)).Should().BeEmpty();
        Sweep.Of(PaperPlans.OpenQuestions(ExperimentDataset.Cifar10, ExperimentScale.Small)).Should().BeEmpty();
    }

    [Fact]
    public void Of_NamesWithDigitsInCommon_CutsAtTheWord()
    {
        ExperimentMethod Mine(string name, double weight) => Method(name, "own") with { Settings = MethodSettings.Empty.With("weight", weight) };
        var sweep = Sweep.Of(Plan(Mine("own 0.4", 0.4), Mine("own 0.2", 0.2), Mine("own 0.25", 0.25))).Should().ContainSingle().Which;
        (sweep.Name, sweep.Setting).Should().Be(("own", "weight"));
        sweep.Methods.Select(pair => pair.Method.Name).Should().Equal("own 0.2", "own 0.25", "own 0.4");
        Sweep.Of(Plan(Mine("a", 1), Mine("ab", 2), Mine("abc", 3)))[0].Name.Should().Be("a");
    }

    [Fact]
    public void ToMarkdown_Sweep_HasTableChartsAndComparisonsWithBetaZero()
    {
        var text = Markdown(_beta, Runs("ARDIR-RC 0", 480, 490, 500), Runs("ARDIR-RC 0.6", 500, 510, 520), [Failed("ARDIR-RC 0.9", 1, RunOutcome.Diverged, "NaN.")]);
        var section = Section(text, "Sweep over beta");
        section.Should().Contain("| Methods | beta | Clean | AutoAttack |\n").And.Contain("| ARDIR-RC | 0.6 | 90.0 ± 0.0 | 51.0 ± 1.0 |\n")
            .And.Contain("| ARDIR-RC | 0.9 | diverged | diverged |").And.Contain("Chart in report.html: Robust accuracy under AutoAttack against beta");
        text.Should().Contain("- ARDIR-RC 0.6 is ahead of ARDIR-RC 0 by 2.0 ± 0.0 points (AutoAttack, 3 seeds, 95 % interval).\n");
    }

    [Theory]
    [InlineData(ExperimentDataset.Cifar10, "ARDIR-RC 0.6", "AutoAttack", 50.14)]
    [InlineData(ExperimentDataset.Cifar10, "ARDIR-RC 0.8", "AutoAttack", null)]
    [InlineData(ExperimentDataset.Svhn, "ARDIR-RC 0.8", "PGD-20", 57.47)]
    [InlineData(ExperimentDataset.Svhn, "ARDIR-RC", null, 91.14)]
    [InlineData(ExperimentDataset.Svhn, "SAT teacher", "FGSM", 61.75)]
    [InlineData(ExperimentDataset.Svhn, "IAD-I", "FGSM", null)]
    [InlineData(ExperimentDataset.Cifar10, "SAT", "PGD-10", null)]
    [InlineData(ExperimentDataset.Fashion, "SAT", "PGD-20", null)]
    public void Find_PaperFigure_IsThatOfItsTable(ExperimentDataset dataset, string method, string? attack, double? expected) =>
        PaperFigures.Find(dataset, method, attack).Should().Be(expected);

    [Fact]
    public void ToHtml_Sweep_DrawsErrorBars()
    {
        var html = new ExperimentReport(Results(_beta, Runs("ARDIR-RC 0", 480, 490, 500), Runs("ARDIR-RC 0.6", 500, 510, 520))).ToHtml();
        // Two points with bars in the robust chart; the clean accuracies do not vary.
        Regex.Count(html, "class=\"line error c1\"").Should().Be(2);
        html.Should().Contain("ARDIR-RC: 51 at 0.6");
    }

    [Fact]
    public void Of_OpenQuestions_ComparesEachReadingWithTheDefault()
    {
        var plan = PaperPlans.OpenQuestions(ExperimentDataset.Cifar10, ExperimentScale.Small);
        var pairs = ComparisonPairs.Of(new ReportStudy(Results(plan))).Select(pair => (pair.Method.Name, pair.Other.Name)).ToList();
        pairs.Where(pair => pair.Item1 == "ARDIR-RC masked").Should().Equal(
            ("ARDIR-RC masked", "ARDIR-RC"), ("ARDIR-RC masked", "ARD-RC"), ("ARDIR-RC masked", "SAT"), ("ARDIR-RC masked", "SAT teacher"));
        pairs.Should().NotContain(pair => pair.Item1 == "SAT teacher" || pair.Item1 == "Standard" || pair.Item1 == "SAT");
    }

    [Fact]
    public void Of_Comparison_PairsArdirWithArdOfTheSameLetters()
    {
        var plan = PaperPlans.Comparison(ExperimentDataset.Svhn, ExperimentScale.Full);
        var pairs = ComparisonPairs.Of(new ReportStudy(Results(plan))).Select(pair => (pair.Method.Name, pair.Other.Name)).ToList();
        foreach (var letters in new[] { "CC", "RC", "RA" })
            pairs.Should().Contain(($"ARDIR-{letters}", $"ARD-{letters}")).And.Contain(($"ARDIR-{letters}", "SAT")).And.Contain(($"ARD-{letters}", "SAT"));
        pairs.Should().Contain(("ARDIR-CC", "Standard")).And.Contain(("TRADES", "SAT")).And.OnlyHaveUniqueItems().And.HaveCount(22);
    }

    [Fact]
    public void ToMarkdown_ReplacedLabels_AreMeansOverSeeds()
    {
        var plan = Plan(Method("A"), Method("B", "ard", "A"));
        RunRecord Replacing(ulong seed, double first, double last) => Run("B", seed, 900, 500) with
        {
            Epochs =
            [
                Epoch(0, 0.4) with { Terms = new Dictionary<string, double> { [LossTerms.Replaced] = first } },
                Epoch(1, 0.5) with { Terms = new Dictionary<string, double> { [LossTerms.Replaced] = last } },
            ],
        };
        Section(Markdown(plan, Runs("A", 500), [Replacing(1, 0.5, 0.2), Replacing(2, 0.3, 0.1)]), "Replaced labels")
            .Should().Contain("| B | 40.0 | 15.0 |").And.NotContain("| A |");
    }

    [Fact]
    public void ToMarkdown_Cost_IsPerRun()
    {
        // Three epochs of two minutes, four attacks of one minute.
        var text = Markdown(Plan(Method("A"), Method("B")), Runs("A", 500, 510));
        Section(text, "Cost").Should().Contain("All runs together: 0.3 hours").And.Contain("| A | 6.0 ± 0.0 | 4.0 ± 0.0 | 4,000,000 |");
        Section(text, "Environment").Should().Contain("- 2 runs: cpu, 2 threads, Linux, X64, TorchSharp 0.107.0, Ardir 0.1.0");
    }

    [Theory]
    [InlineData(8 / 255.0, "8/255")]
    [InlineData(2 / 255.0, "2/255")]
    [InlineData(0.1, "0.1")]
    [InlineData(0.05, "0.05")]
    [InlineData(0.2, "0.2")]
    [InlineData(0.03137, "0.0314")]
    public void Pixels_Radius_IsWrittenAsThePapersDo(double value, string expected) => ReportText.Pixels(value).Should().Be(expected);

    [Fact]
    public void Line_ErrorBars_WidenTheAxisAndEndWhereTheySay()
    {
        // Axis from 0 % (y 284) to 100 % (y 14): 0.8 - 0.2 is at 122, 0.8 + 0.2 at 14.
        var svg = SvgChart.Render(new LineChart("t") { Percent = true }.Line("a", [(0, 0.2, 0), (10, 0.8, 0.2), (20, 0.5, double.NaN)]));
        svg.Should().Contain("class=\"line error c0\" d=\"M365 122V14M361 122h8M361 14h8\"").And.Contain(">100 %<").And.NotContain("NaN");
        Regex.Count(svg, "line error").Should().Be(1);
        new LineChart("t").Invoking(chart => chart.Line("a", [(1, 0.5, -0.1)])).Should().Throw<ArgumentException>().WithMessage("The error of 'a' at 1 is -0.1*");
    }
}

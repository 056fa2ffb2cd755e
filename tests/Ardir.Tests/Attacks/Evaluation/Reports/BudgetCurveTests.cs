using System.Text.Json;
using Ardir.Attacks;
using Ardir.Core;

namespace Ardir.Tests;

/// <summary>Robust accuracy against what was spent: exact on batches made by hand, and in every form of a report.</summary>
public sealed class BudgetCurveTests : IDisposable
{
    private static readonly ThreatModel _threat = ThreatModel.Linf(0.05);

    private readonly TemporaryFolder _folder = new();

    [Fact]
    public void Budget_HandMadeBatches_IsAStepAfterEach()
    {
        var tally = Tally();
        tally.Budget().Should().Equal(Point("FGSM", 15, 0.6), Point("FGSM", 18, 0.6), Point("PGD-20", 26, 0.2), Point("PGD-20", 36, 0.2));
        tally.BatchCounts.Should().Equal(2, 2);
    }

    [Fact]
    public void Shares_HandMadeBatches_CountBatchesThatHadEndedByThen()
    {
        using var report = Report(Tally());
        BudgetCurve.Shares(report).Should().Equal((0, 0, "", 0.8), (0.1, 3, "", 0.8), (0.25, 9, "", 0.8), (0.5, 18, "FGSM", 0.6), (0.75, 27, "PGD-20", 0.2), (1, 36, "PGD-20", 0.2));
    }

    [Fact]
    public void Save_HandMadeBatches_TellsThem()
    {
        using var report = Report(Tally());
        report.SaveJson(_folder.File("r.json"));
        report.SaveMarkdown(_folder.File("r.md"));
        report.SaveHtml(_folder.File("r.html"));
        using var json = JsonDocument.Parse(File.ReadAllText(_folder.File("r.json")));
        JsonSerializer.Serialize(json.RootElement.GetProperty("budgetCurve")).Should().Be(
            """[{"attack":"FGSM","points":[[15,0.6],[18,0.6]]},{"attack":"PGD-20","points":[[26,0.2],[36,0.2]]}]""");
        File.ReadAllText(_folder.File("r.md")).Should().Contain(
            "| Share of the cost | Evaluations | Attack by then | Robust accuracy by then |\n|---|---:|---:|---:|\n")
            .And.Contain("| 50 % | 18 | FGSM | 60.00 % |\n| 75 % | 27 | PGD-20 | 20.00 % |\n| 100 % | 36 | PGD-20 | 20.00 % |\n");
        File.ReadAllText(_folder.File("r.html")).Should().Contain("Accuracy against cost");
        JsonReport.Read(_folder.File("r.json")).BudgetCurve[1].Points[1].Should().Equal(36, 0.2);
    }

    [Theory]
    [InlineData(0, 0)]
    [InlineData(199, 199)]
    [InlineData(200, 200)]
    [InlineData(201, 200)]
    [InlineData(1000, 200)]
    [InlineData(1234567, 200)]
    public void Thinned_AnyNumber_KeepsOrderAndEnd(int count, int kept)
    {
        BudgetPoint[] points = [.. Enumerable.Range(1, count).Select(i => Point("a", i, 0.5))];
        var thinned = BudgetCurve.Thinned(points);
        thinned.Should().HaveCount(kept);
        thinned.Select(point => point.SampleEvaluations).Should().BeInAscendingOrder().And.OnlyHaveUniqueItems();
        if (count == 1000) thinned.Select(point => point.SampleEvaluations).Should().Equal(Enumerable.Range(1, 200).Select(i => 5L * i));
        if (count > 0) thinned[^1].Should().Be(points[^1]);
    }

    [Fact]
    public void Evaluate_LastPoint_IsTheReport()
    {
        using var scope = NewDisposeScope();
        using var model = TinyModels.Smooth();
        var images = SharedWork.Images();
        using var report = SharedWork.Attack(SharedWork.Custom).Evaluate(model, images, SharedWork.Labels(images));
        report.BudgetCurve[^1].RobustAccuracy.Should().Be(report.RobustAccuracy);
        report.BudgetCurve[^1].SampleEvaluations.Should().Be(report.Attacks.Sum(attack => attack.SampleForwards + attack.SampleBackwards));
        report.BudgetCurve.Select(point => point.RobustAccuracy).Should().BeInDescendingOrder();
        foreach (var attack in report.Attacks.Where(attack => report.BudgetCurve.Any(point => point.Attack == attack.Name)))
            report.BudgetCurve.Last(point => point.Attack == attack.Name).RobustAccuracy.Should().Be(attack.RobustAccuracyAfter);
    }

    [Fact]
    public void Report_NothingToAttack_HasNoCurve()
    {
        using var scope = NewDisposeScope();
        using var model = TinyModels.Smooth();
        var images = SharedWork.Images();
        using var report = SharedWork.Attack(SharedWork.Custom with { Diagnose = false }).Evaluate(model, images, Wrong(model, images));
        report.BudgetCurve.Should().BeEmpty();
        report.SaveMarkdown(_folder.File("r.md"));
        report.SaveHtml(_folder.File("r.html"));
        File.ReadAllText(_folder.File("r.md")).Should().NotContain("Share of the cost");
        File.ReadAllText(_folder.File("r.html")).Should().NotContain("Accuracy against cost");
    }

    public void Dispose() => _folder.Dispose();

    private static Tensor Wrong(nn.Module<Tensor, Tensor> model, Tensor images)
    {
        model.eval();
        return (model.call(images).argmax(1) + 1).remainder(4);
    }

    private static BudgetPoint Point(string attack, long spent, double robust) => new() { Attack = attack, SampleEvaluations = spent, RobustAccuracy = robust };

    private static EnsembleTally Tally()
    {
        var tally = new EnsembleTally([new FgsmAttack(_threat), new PgdAttack(_threat, new PgdOptions { Steps = 20 })], count: 5);
        tally.Begin([true, false, true, true, true], [0, 0, 0, 0, 0]);
        tally.Add(Batch(0, 2, 10, 5, 0));
        tally.Add(Batch(0, 4, 3, 0));
        tally.Add(Batch(1, 3, 7, 1, 2, 3));
        tally.Add(Batch(1, 4, 5, 5));
        return tally;
    }

    private static EnsembleBatch Batch(int attack, long cursor, long forwards, long backwards, params long[] broken) => new()
    {
        Attack = attack, Unit = 0, Cursor = cursor, Broken = broken, Predictions = new long[broken.Length], Forwards = forwards, Backwards = backwards, Unconfirmed = 0, ZeroGradients = [], NonFiniteGradients = [], PartsWithoutGradient = [], FollowsGradients = true, Seconds = 0,
    };

    private static RobustnessReport Report(EnsembleTally tally) => new(
        new ReportData
        {
            Threat = _threat, Version = AutoAttackVersion.Custom, Seed = 0, Classes = 4, Correct = tally.Correct, Robust = tally.Robust, BrokenBy = tally.BrokenBy, Predictions = tally.Predictions, Attacks = tally.Summaries(), Findings = [], SecurityCurve = [],
            Budget = tally.Budget(), BudgetCounts = tally.BatchCounts,
        },
        TinyModels.Images(5), TinyModels.Labels(5), TinyModels.Images(5));
}

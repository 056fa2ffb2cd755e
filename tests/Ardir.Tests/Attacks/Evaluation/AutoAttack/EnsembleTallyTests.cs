using Ardir.Attacks;
using Ardir.Core;

namespace Ardir.Tests;

/// <summary>What an ensemble keeps count of: images that resist, accuracies, findings of a curve, progress.</summary>
public sealed class EnsembleTallyTests
{
    private static readonly ThreatModel _threat = ThreatModel.Linf(0.05);

    [Fact]
    public void Next_AreTheImagesThatResistAndNoMoreThanABatch()
    {
        var tally = Begun();
        (tally.CleanAccuracy, tally.RobustAccuracy, tally.Left).Should().Be((0.8, 0.8, 4));
        tally.Next(cursor: -1, batchSize: 2).Should().Equal(0, 2);
        tally.Next(cursor: 2, batchSize: 2).Should().Equal(3, 4);
        tally.Next(cursor: 3, batchSize: 2).Should().Equal(4);
        tally.Next(cursor: -1, batchSize: 9).Should().Equal(0, 2, 3, 4);
        tally.Next(cursor: 4, batchSize: 2).Should().BeEmpty();
    }

    [Fact]
    public void Enter_AttackWithoutABatch_HasTheAccuracyThatItFound()
    {
        var tally = Begun();
        tally.Enter(1);
        tally.Summaries().Select(summary => (summary.Attacked, summary.Broken, summary.RobustAccuracyAfter)).Should().Equal((4, 0, 0.8), (4, 0, 0.8));
    }

    [Fact]
    public void FactsOf_Curve_AreTheWorstPointAndTheNamesOfAll()
    {
        CurvePoint Point(double epsilon, int zero, int broken) => new(epsilon, 0.5, new EvaluationFacts
        {
            Images = 9, NanImages = 2, ZeroGradients = (zero, ["a"]), NonFiniteGradients = (broken, ["b"]), WithoutGradient = ["c"],
        });
        var facts = CurvePoint.FactsOf([Point(0.1, 1, 4), Point(0.2, 3, 2)], images: 9);
        (facts.Images, facts.NanImages, facts.ZeroGradients.Images, facts.NonFiniteGradients.Images).Should().Be((9, 0, 3, 4));
        facts.ZeroGradients.Attacks.Should().Equal("a of the security curve at 0.1", "a of the security curve at 0.2");
        facts.NonFiniteGradients.Attacks.Should().Equal("b of the security curve at 0.1", "b of the security curve at 0.2");
        facts.WithoutGradient.Should().Equal("c of the security curve at 0.1", "c of the security curve at 0.2");
        CurvePoint.FactsOf([], images: 9).ZeroGradients.Images.Should().Be(0);
    }

    [Fact]
    public void Report_ProgressOfAPart_IsItsShareOfTheWhole()
    {
        var outer = new ListProgress<AttackProgress>();
        var progress = new AttackProgress
        {
            Attack = "a", Step = 1, Steps = 2, Restart = 0, Active = 3, SampleForwards = 4, SampleBackwards = 5,
            Evaluation = new EvaluationProgress { CleanAccuracy = 0.9, RobustAccuracy = 0.5, Fraction = 0.5 },
        };
        new PartProgress(outer, 0.25, 0.75).Report(progress);
        new PartProgress(outer, 0.25, 0.75).Report(progress with { Fraction = 0.5 });
        new PartProgress(outer, 0.25, 0.75, _threat).Report(progress with { Fraction = 1 });
        outer.Reports.Select(report => (report.Attack, report.Fraction, report.Evaluation?.Fraction))
            .Should().Equal(("a", 0.25, 0.5), ("a", 0.5, 0.5), ("a Linf(0.05)", 0.75, null));
    }

    private static EnsembleTally Begun()
    {
        var tally = new EnsembleTally([new FgsmAttack(_threat), new PgdAttack(_threat)], count: 5);
        tally.Begin([true, false, true, true, true], [0, 0, 0, 0, 0]);
        return tally;
    }
}

using Ardir.Attacks;
using Ardir.Core;

namespace Ardir.Tests;

/// <summary>What somebody who watches an evaluation is told.</summary>
public sealed class EnsembleProgressTests
{
    private static readonly ThreatModel _threat = ThreatModel.Linf(0.03);

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Evaluate_Progress_GrowsWithinEveryUnitFromZeroToOne(bool curve)
    {
        using var scope = NewDisposeScope();
        var reports = Watch(Options() with { SecurityCurve = curve ? [0.05, 0.01] : [] }, out var report).Reports;
        using var owner = report;
        report.RobustAccuracy.Should().BeInRange(0.1, 0.9);
        var fractions = reports.Select(value => value.Fraction!.Value).ToArray();
        fractions.Should().BeInAscendingOrder();
        fractions[0].Should().BeLessThan(0.05);
        fractions[^1].Should().Be(1);
        // Square is one unit of one batch per call: without reports from within nothing would move for all of its queries.
        var square = reports.Where(value => value.Attack == "Square" && value.Evaluation is null).Select(value => value.Fraction!.Value).ToArray();
        square.Should().HaveCountGreaterThan(100);
        (square[^1] - square[0]).Should().BeGreaterThan(curve ? 0.1 : 0.2);
        square.Zip(square.Skip(1)).Max(pair => pair.Second - pair.First).Should().BeLessThan(0.1);
        reports.Where(value => value.Evaluation is not null).Should().OnlyContain(value => value.Evaluation!.Fraction == value.Fraction);
        var last = reports.Last(value => value.Evaluation is not null);
        last.Evaluation!.RobustAccuracy.Should().Be(report.RobustAccuracy);
        last.SampleForwards.Should().Be(report.Attacks.Sum(attack => attack.SampleForwards));
        last.SampleBackwards.Should().Be(report.Attacks.Sum(attack => attack.SampleBackwards));
        var names = reports.Select(value => value.Attack).Distinct();
        if (curve) names.Should().Equal("APGD-CE", "Square", "PGD-5", "APGD-T Linf(0.01)", "APGD-T Linf(0.05)");
        else names.Should().Equal("APGD-CE", "Square", "PGD-5");
        if (curve) last.Fraction.Should().BeLessThan(0.9);
    }

    [Fact]
    public void Evaluate_Resumed_TellsAtOnceHowFarItIs()
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        var options = Options() with { StatePath = folder.File("run.state") };
        Watch(options, out var first);
        first.Dispose();
        var again = Watch(options, out var second).Reports;
        second.Dispose();
        var only = again.Should().ContainSingle().Subject;
        only.Fraction.Should().Be(1);
        only.Evaluation!.RobustAccuracy.Should().Be(second.RobustAccuracy);
    }

    [Fact]
    public void Evaluate_ChainsAndEnsemblesWithin_NeverGoBack()
    {
        using var scope = NewDisposeScope();
        IAttack[] attacks = [new WorstCaseAttack("chain", new FgsmAttack(_threat), new PgdAttack(_threat)), new AutoAttack(_threat, Options())];
        var reports = Watch(Options() with { Attacks = attacks }, out var report).Reports;
        report.Dispose();
        reports.Select(value => value.Fraction!.Value).Should().BeInAscendingOrder();
        reports.Where(value => value.Evaluation is not null).Select(value => value.Attack).Distinct().Should().Equal("chain", "AutoAttack-custom");
    }

    [Fact]
    public void Perturb_WithoutAnEnsemble_HasNoFraction()
    {
        using var scope = NewDisposeScope();
        var progress = new ListProgress<AttackProgress>();
        new FgsmAttack(_threat).Perturb(TinyModels.Linear(dtype: ScalarType.Float32), TinyModels.Images(2), TinyModels.Labels(2), new AttackContext { Progress = progress });
        progress.Reports.Should().ContainSingle().Which.Fraction.Should().BeNull();
    }

    [Fact]
    public void BatchProgress_Report_AddsWhatWasBefore()
    {
        var said = new ListProgress<AttackProgress>();
        AttackProgress Step(long forwards, long backwards) => new()
        {
            Attack = "APGD", Step = 1, Steps = 2, Restart = 0, Active = 1, SampleForwards = forwards, SampleBackwards = backwards,
        };
        var batch = new BatchProgress(said, forwards: 10, backwards: 4, planned: 8, rest: 18);
        batch.Report(Step(3, 2));
        // The next attack of a chain counts from zero, and more than was planned is as much as was planned.
        batch.Report(Step(1, 0));
        batch.Report(Step(9, 9));
        said.Reports.Select(value => (value.SampleForwards, value.SampleBackwards)).Should().Equal((13, 6), (11, 4), (19, 13));
        said.Reports.Select(value => value.Fraction!.Value).Should().Equal((14 + 5) / 40.0, (14 + 5) / 40.0, (14 + 8) / 40.0);
        // A single pass is all of the work.
        new BatchProgress(said, forwards: 0, backwards: 0, planned: 1, rest: 0).Report(Step(1, 0));
        said.Reports[^1].Fraction.Should().Be(1);
    }

    private static AutoAttackOptions Options() => new()
    {
        Version = AutoAttackVersion.Custom,
        Attacks = [new ApgdAttack(_threat, new ApgdOptions { Search = new() { Iterations = 20 } }), new SquareAttack(_threat, new SquareOptions { Queries = 200 }), new PgdAttack(_threat, new PgdOptions { Steps = 5 })],
        BatchSize = 12,
        Diagnose = false,
    };

    private static ListProgress<AttackProgress> Watch(AutoAttackOptions options, out RobustnessReport report)
    {
        var progress = new ListProgress<AttackProgress>();
        var model = TinyModels.Linear(dtype: ScalarType.Float32);
        var images = TinyModels.Images(20);
        report = new AutoAttack(_threat, options).Evaluate(model, images, TinyModels.Predicted(model, images), new AttackContext { Progress = progress });
        return progress;
    }
}

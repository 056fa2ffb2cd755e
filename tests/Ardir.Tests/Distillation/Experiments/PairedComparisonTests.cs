using System.Globalization;
using Ardir.Distillation;
using static Ardir.Tests.StudyRecords;

namespace Ardir.Tests;

public sealed class PairedComparisonTests
{
    private static readonly ExperimentPlan _plan = Plan(Method("A"), Method("B"));

    private static PairedComparison Compare(int[] a, int[] b, string? attack = "AutoAttack") =>
        PairedComparison.Of(Results(_plan, Runs("A", a), Runs("B", b)), "A", "B", attack);

    [Fact]
    public void Of_ThreeSeeds_IsTheIntervalOfTheDifferences()
    {
        // Differences 1.6, 1.9 and 2.2 points: mean 1.9, standard deviation 0.3, half width 4.302653 * 0.3 / sqrt(3) = 0.74524.
        var comparison = Compare([516, 549, 472], [500, 530, 450]);
        comparison.Differences.Keys.Should().Equal(1, 2, 3);
        comparison.Mean.Should().BeApproximately(0.019, 1e-12);
        comparison.HalfWidth.Should().BeApproximately(0.0074524, 1e-7);
        comparison.Verdict.Should().Be(ComparisonVerdict.Ahead);
        comparison.ToString().Should().Be("A is ahead of B by 1.9 ± 0.7 points (AutoAttack, 3 seeds, 95 % interval).");
        comparison.Interval().Should().Be("+1.9 ± 0.7");
    }

    [Fact]
    public void ToString_Behind_SaysSo()
    {
        var comparison = Compare([500, 530, 450], [516, 549, 472], "PGD-20");
        comparison.Verdict.Should().Be(ComparisonVerdict.Behind);
        comparison.ToString().Should().Be("A is behind B by 1.9 ± 0.7 points (PGD-20, 3 seeds, 95 % interval).");
        comparison.Interval().Should().Be("-1.9 ± 0.7");
    }

    [Fact]
    public void ToString_IntervalWithZero_IsNotDistinguishable()
    {
        // Differences -0.5, 0.4 and 1.3 points: half width 4.302653 * 0.9 / sqrt(3) = 2.2357.
        var comparison = Compare([495, 504, 513], [500, 500, 500]);
        comparison.Verdict.Should().Be(ComparisonVerdict.NotDistinguishable);
        comparison.ToString().Should().Be("A is not distinguishable from B (+0.4 ± 2.2 points; AutoAttack, 3 seeds, 95 % interval).");
    }

    [Fact]
    public void ToString_OneSeedInCommon_HasNoInterval()
    {
        var comparison = Compare([512], [500, 530, 450]);
        (comparison.Count, comparison.HalfWidth, comparison.Verdict).Should().Be((1, null, ComparisonVerdict.Open));
        comparison.ToString().Should().Be("A against B: one seed only, so no interval: +1.2 points (AutoAttack).");
        Compare([488], [500]).ToString().Should().Contain(": -1.2 points");
    }

    [Fact]
    public void Of_MissingSeed_PairsOnlyWhatBothHave()
    {
        var comparison = PairedComparison.Of(
            Results(_plan, [Run("A", 1, 900, 510), Run("A", 3, 900, 530)], [Run("B", 2, 900, 100), Run("B", 3, 900, 520), Run("B", 1, 900, 500)]), "A", "B", "AutoAttack");
        comparison.Differences.Keys.Should().Equal(1, 3);
        comparison.ToString().Should().Be("A is ahead of B by 1.0 ± 0.0 points (AutoAttack, 2 of 3 seeds, 95 % interval).");
    }

    [Fact]
    public void Of_NoCommonSeed_SaysSo()
    {
        var comparison = PairedComparison.Of(Results(_plan, [Run("A", 1, 900, 510)], [Run("B", 2, 900, 510)]), "A", "B", "AutoAttack");
        (comparison.Count, comparison.Mean, comparison.Verdict).Should().Be((0, null, ComparisonVerdict.Open));
        comparison.ToString().Should().Be("A and B have no seed in common yet (AutoAttack).");
        comparison.Interval().Should().Be("–");
    }

    [Fact]
    public void ToString_RoundingThatWouldContradictTheVerdict_GetsAnotherDecimal()
    {
        // Mean 2.0, half width 4.302653 * 0.8 / sqrt(3) = 1.9873: "2.0 ± 2.0" would not look like being ahead.
        Compare([512, 520, 528], [500, 500, 500]).ToString().Should().StartWith("A is ahead of B by 2.00 ± 1.99 points");
    }

    [Fact]
    public void ToString_NoDifference_IsPlusZero() =>
        Compare([500, 500], [500, 500]).ToString().Should().StartWith("A is not distinguishable from B (+0.0 ± 0.0 points; AutoAttack, 2 of 3 seeds");

    [Fact]
    public void Of_NoAttack_ComparesCleanAccuracies() =>
        Compare([500, 530], [400, 430], attack: null).ToString().Should().StartWith("A is not distinguishable from B (+0.0 ± 0.0 points; clean, ");

    [Fact]
    public void Of_RunsThatWereAttackedDifferently_AreNoPair()
    {
        static RunRecord On(RunRecord record, int images, string options = "options") => record with
        {
            Evaluations = [.. record.Evaluations.Select(each => each with { Identity = $"{options}; {images} of 1000 images, abc" })],
        };
        var results = Results(_plan, [On(Run("A", 1, 900, 510), 1000), On(Run("A", 2, 900, 530), 1000), On(Run("A", 3, 900, 530), 1000)],
            [On(Run("B", 1, 910, 500), 1000), On(Run("B", 2, 910, 500), 500), On(Run("B", 3, 910, 500), 1000, "others")]);

        PairedComparison.Of(results, "A", "B", "AutoAttack").Differences.Keys.Should().Equal(1);
        // Clean accuracy depends on the images alone.
        PairedComparison.Of(results, "A", "B").Differences.Keys.Should().Equal(1, 3);
    }

    [Fact]
    public void Of_EachMethod_CountsWithTheWeightsItIsReportedWith()
    {
        var plan = Plan(Method("A"), Method("B") with { Report = KeptWeights.Last });
        PairedComparison.Of(Results(plan, Runs("A", 500), Runs("B", 500)), "A", "B", "AutoAttack").Mean.Should().BeApproximately(0.03, 1e-12);
    }

    [Fact]
    public void ToString_CommaCulture_IsTheSame()
    {
        var before = CultureInfo.CurrentCulture;
        var comma = (CultureInfo)CultureInfo.InvariantCulture.Clone();
        (comma.NumberFormat.NumberDecimalSeparator, comma.NumberFormat.NegativeSign) = (",", "~");
        try
        {
            CultureInfo.CurrentCulture = comma;
            Compare([488], [500]).ToString().Should().Contain(": -1.2 points");
        }
        finally
        {
            CultureInfo.CurrentCulture = before;
        }
    }

    [Fact]
    public void Of_UnknownName_ListsThoseThereAre()
    {
        FluentActions.Invoking(() => PairedComparison.Of(Results(_plan), "A", "B", "Square")).Should().Throw<ArgumentException>()
            .WithMessage("The plan has no attack 'Square'; it has 'PGD-20', 'AutoAttack'.*");
        FluentActions.Invoking(() => PairedComparison.Of(Results(_plan), "A", "C")).Should().Throw<ArgumentException>().WithMessage("The plan has no method 'C'*");
    }
}

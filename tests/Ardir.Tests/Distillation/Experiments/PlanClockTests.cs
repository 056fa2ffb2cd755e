using Ardir.Distillation;
using static Ardir.Tests.StudyRecords;

namespace Ardir.Tests;

/// <summary>How long the rest of a plan takes. A run of <see cref="StudyRecords"/> took ten minutes: three epochs of two, four attacks of one.</summary>
public sealed class PlanClockTests
{
    private static OpenRun Open(string method, params string[]? attacks) => new(new ExperimentRun(Method(method), 1, RunFolder.Of("", method, 1)), attacks);

    private static double? Minutes(IEnumerable<RunRecord> records, double? training, params OpenRun[] open) =>
        new PlanClock(records).Of(open, training is { } minutes ? TimeSpan.FromMinutes(minutes) : null)?.TotalMinutes;

    [Fact]
    public void Of_NothingDone_IsThePaceOfTheFirstTraining()
    {
        Minutes([], null, Open("A", null)).Should().BeNull();
        Minutes([], 7, Open("A", null), Open("B", null), Open("A", null)).Should().BeApproximately(21, 1e-9);
        Minutes([Failed("A", 1, RunOutcome.Diverged, "NaN")], 7, Open("B", null)).Should().BeApproximately(7, 1e-9);
    }

    [Fact]
    public void Of_RunsThatAreDone_TellTheirMethodAndTheMean()
    {
        // A took ten minutes, B six: its epochs alone.
        RunRecord[] records = [Run("A", 1, 900, 500), Run("B", 1, 900, 500) with { Evaluations = [] }];

        Minutes(records, 100, Open("A", null)).Should().BeApproximately(10, 1e-9);
        Minutes(records, 100, Open("B", null), Open("C", null)).Should().BeApproximately(6 + 8, 1e-9);
        Minutes(records, 100).Should().Be(0);
    }

    [Fact]
    public void Of_TrainedRuns_TakeTheirMissingAttacksOnly() =>
        Minutes([Run("A", 1, 900, 500)], null, Open("A", "PGD-20", "PGD-20"), Open("A", "FGSM")).Should().BeApproximately(3, 1e-9);
}

using Ardir.Attacks;
using Ardir.Core;

namespace Ardir.Tests;

/// <summary>Wilson's interval for 95 %, computed with 40 digits from its formula.</summary>
public sealed class ConfidenceIntervalTests
{
    [Theory]
    [InlineData(15, 20, 0.531299122381256, 0.888138298592334)]
    [InlineData(1, 10, 0.0178762130950729, 0.404150026795239)]
    [InlineData(1, 2, 0.0945312057342307, 0.905468794265769)]
    [InlineData(120, 256, 0.408534650593386, 0.529889340433231)]
    public void ConfidenceInterval_SomeRobust_IsWilsons(int robust, int count, double low, double high)
    {
        using var report = Report(robust, count);
        report.RobustAccuracy.Should().Be(robust / (double)count);
        report.ConfidenceInterval.Low.Should().BeApproximately(low, 1e-14);
        report.ConfidenceInterval.High.Should().BeApproximately(high, 1e-14);
    }

    [Fact]
    public void ConfidenceInterval_NoneOrAllRobust_EndsExactlyThere()
    {
        using var none = Report(0, 10);
        none.ConfidenceInterval.Low.Should().Be(0);
        none.ConfidenceInterval.High.Should().BeApproximately(0.277532799862889, 1e-14);
        using var all = Report(10, 10);
        all.ConfidenceInterval.Low.Should().BeApproximately(0.722467200137111, 1e-14);
        all.ConfidenceInterval.High.Should().Be(1);
    }

    private static RobustnessReport Report(int robust, int count)
    {
        var data = new ReportData
        {
            Threat = ThreatModel.Linf(0.1),
            Version = AutoAttackVersion.Standard,
            Seed = 0,
            ContextSeed = 0,
            Classes = 2,
            Model = "none",
            Correct = [.. Enumerable.Repeat(true, count)],
            Robust = [.. Enumerable.Range(0, count).Select(i => i < robust)],
            BrokenBy = [.. Enumerable.Repeat(-1, count)],
            Predictions = new long[count],
            Attacks = [],
            Findings = [],
            SecurityCurve = [],
        };
        return new RobustnessReport(data, zeros(count, 1, 1, 1), zeros(count, ScalarType.Int64), zeros(count, 1, 1, 1));
    }
}

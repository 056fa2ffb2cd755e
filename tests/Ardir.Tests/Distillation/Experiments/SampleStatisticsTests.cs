using Ardir.Distillation;

namespace Ardir.Tests;

public sealed class SampleStatisticsTests
{
    // Two-sided quantiles of printed tables.
    [Theory]
    [InlineData(0.95, 1, 12.7062)]
    [InlineData(0.95, 2, 4.3027)]
    [InlineData(0.95, 3, 3.1824)]
    [InlineData(0.95, 4, 2.7764)]
    [InlineData(0.95, 5, 2.5706)]
    [InlineData(0.95, 9, 2.2622)]
    [InlineData(0.95, 10, 2.2281)]
    [InlineData(0.95, 29, 2.0452)]
    [InlineData(0.95, 30, 2.0423)]
    [InlineData(0.95, 120, 1.9799)]
    [InlineData(0.95, 1_000_000, 1.9600)]
    [InlineData(0.99, 2, 9.9248)]
    [InlineData(0.99, 7, 3.4995)]
    [InlineData(0.90, 4, 2.1318)]
    public void TwoSided_TabulatedQuantile_AgreesToFourDecimals(double level, int degrees, double expected) =>
        StudentT.TwoSided(level, degrees).Should().BeApproximately(expected, 5.1e-5);

    [Fact]
    public void TwoSided_OneAndTwoDegrees_AreTheirClosedForms()
    {
        // One degree is the Cauchy distribution; with two the distribution function is t / sqrt(2 + t^2).
        foreach (var level in new[] { 0.01, 0.5, 0.8, 0.95, 0.999 })
        {
            var (cauchy, two) = (Math.Tan(Math.PI * level / 2), level * Math.Sqrt(2 / (1 - level * level)));
            StudentT.TwoSided(level, 1).Should().BeApproximately(cauchy, 1e-10 * cauchy);
            StudentT.TwoSided(level, 2).Should().BeApproximately(two, 1e-10 * two);
        }
    }

    [Theory]
    [InlineData(0.95, 0)]
    [InlineData(0, 3)]
    [InlineData(1, 3)]
    [InlineData(double.NaN, 3)]
    public void TwoSided_ImpossibleArgument_IsRefused(double level, int degrees) =>
        FluentActions.Invoking(() => StudentT.TwoSided(level, degrees)).Should().Throw<ArgumentOutOfRangeException>();

    [Fact]
    public void Of_FourValues_AreTheTextbookFormulas()
    {
        // Mean 5, squares 9 + 1 + 1 + 9 = 20, divisor 3.
        var statistics = SampleStatistics.Of([2, 4, 6, 8]);
        (statistics.Count, statistics.Mean).Should().Be((4, 5.0));
        statistics.StandardDeviation.Should().BeApproximately(Math.Sqrt(20 / 3.0), 1e-15);
        statistics.HalfWidth.Should().BeApproximately(3.182446 * Math.Sqrt(20 / 3.0) / 2, 1e-6);
    }

    [Fact]
    public void Of_CloseValues_LosesNoDigits() =>
        SampleStatistics.Of([1e9 + 1, 1e9 + 2, 1e9 + 3]).StandardDeviation.Should().BeApproximately(1, 1e-9);

    [Fact]
    public void Of_OneValue_HasNoSpread()
    {
        var statistics = SampleStatistics.Of([0.5]);
        (statistics.Count, statistics.Mean, statistics.StandardDeviation, statistics.HalfWidth).Should().Be((1, 0.5, null, null));
    }

    [Fact]
    public void Of_NoValue_IsRefused() =>
        FluentActions.Invoking(() => SampleStatistics.Of([])).Should().Throw<ArgumentException>().WithMessage("There is no value*");
}

using Ardir.Core;

namespace Ardir.Tests.Core.Reports;

public sealed class SvgChartTests
{
    [Fact]
    public void Render_PercentLine_PutsPointsWhereTheAxesSay()
    {
        // The plot spans x 70 to 660 and y 284 (0 %) to 14 (100 %).
        var svg = SvgChart.Render(new LineChart("t") { Percent = true }.Line("a", [(0, 0), (5, 0.5), (10, 1)]));
        svg.Should().Contain("d=\"M70 284L365 149L660 14\"");
        svg.Should().Contain("text-anchor=\"end\">0 %<").And.Contain(">20 %<").And.Contain(">100 %<").And.NotContain(">120 %<");
        svg.Should().Contain("a: 50.0 % at 5");
    }

    [Fact]
    public void Render_NonFiniteValue_LeavesAGap()
    {
        var svg = SvgChart.Render(new LineChart("t").Line("loss", [0, 1, double.NaN, 1, double.PositiveInfinity, 0]));
        svg.Should().Contain("d=\"M70 284L188 14M424 14M660 284\"").And.NotContain("NaN").And.NotContain("∞").And.NotContain("Infinity");
    }

    [Fact]
    public void Render_Mark_DrawsCircleAndEscapedLabel()
    {
        var svg = SvgChart.Render(new LineChart("t") { Percent = true }.Line("a", [(0, 0), (10, 1)]).Mark("best <b>", 5, 0.5));
        svg.Should().Contain("class=\"mark\" cx=\"365\" cy=\"149\"").And.Contain("best &lt;b&gt;</text>");
    }

    [Fact]
    public void Render_ManySeries_NoTwoLookAlike()
    {
        var looks = Enumerable.Range(0, 56).Select(SvgChart.Swatch).ToArray();
        looks.Should().OnlyHaveUniqueItems();
        Enumerable.Range(0, 7).Select(i => looks[i].Split("stroke-dasharray=")[1]).Should().OnlyHaveUniqueItems("the first lines must differ in grey");
    }

    public static TheoryData<double[]> Extremes => [[], [double.NaN], [0.5], [1e17, 1e17 + 16], [-3, -3], [1e-9, 2e-9], [0, 1e30], [-1e308, 1e308], [0, 1e-320]];

    [Theory, MemberData(nameof(Extremes))]
    public void Render_ExtremeValues_StillDraws(double[] values)
    {
        foreach (var percent in new[] { false, true })
        {
            var svg = SvgChart.Render(new LineChart("t") { Percent = percent }.Line("a", values));
            svg.Should().EndWith("</svg>").And.NotContain("NaN");
            svg.Length.Should().BeLessThan(5000);
        }
    }

    [Theory]
    [InlineData(0, 1, 5, false, "0.0 0.2 0.4 0.6 0.8 1.0")]
    [InlineData(1, 30, 8, true, "0 5 10 15 20 25 30")]
    [InlineData(1, 3, 8, true, "1 2 3")]
    [InlineData(-0.3, 0.21, 5, false, "-0.4 -0.2 0.0 0.2 0.4")]
    [InlineData(0, 2.3e7, 5, false, "0e0 5e6 1e7 1.5e7 2e7 2.5e7")]
    public void Ticks_Range_AreRoundNumbersThatCoverIt(double low, double high, int count, bool whole, string expected)
    {
        var ticks = new AxisTicks(low, high, count, whole);
        ticks.Values.Select(ticks.Format).Should().Equal(expected.Split(' '));
    }

    [Fact]
    public void Mark_NotFinite_NamesTheCoordinate() =>
        new LineChart("t").Invoking(chart => chart.Mark("best", 1, double.NaN)).Should().Throw<ArgumentException>().WithParameterName("y");
}

using System.Globalization;
using System.Net;
using System.Text;

namespace Ardir.Core;

/// <summary>
/// Draws a <see cref="LineChart"/> as inline SVG. Colours come from the style sheet of <see cref="HtmlReport"/> (classes c0 to c7), dash
/// patterns from this class.
/// </summary>
internal sealed class SvgChart
{
    private const double Width = 680, Height = 340, Left = 70, Right = 660, Top = 14, Bottom = 284;
    private const int Colours = 8;
    private const int MaxDots = 60;

    // Seven dash patterns and eight colours have no common divisor, so that a combination repeats only after 56 lines.
    private static readonly string[] _dashes = ["none", "7 4", "2 3", "9 3 2 3", "14 4", "5 2 1 2 1 2", "1 5"];

    private readonly LineChart _chart;
    private readonly StringBuilder _svg = new();
    private readonly AxisTicks _xTicks, _yTicks;
    private readonly double _xLow, _xHigh;

    private SvgChart(LineChart chart)
    {
        _chart = chart;
        var points = chart.Series
            .SelectMany(series => series.Points)
            .Concat(chart.Series.SelectMany(series => Bars(series.Points, series.Errors))
                .SelectMany(bar => new[] { (bar.X, bar.Low), (bar.X, bar.High) }))
            .Concat(chart.Marks.Select(mark => (mark.X, mark.Y)))
            .Where(CanDraw)
            .ToArray();
        if (points.Length == 0) points = [(0, 0)];
        (_xLow, _xHigh) = Widen(points.Min(point => point.Item1), points.Max(point => point.Item1), 0.5);
        _xTicks = new AxisTicks(_xLow, _xHigh, count: 8, whole: Array.TrueForAll(points, point => point.Item1 == Math.Floor(point.Item1)));
        var (yLow, yHigh) = (points.Min(point => point.Item2), points.Max(point => point.Item2));
        (yLow, yHigh) = chart.Percent
            ? (Math.Min(yLow, 0), Math.Max(yHigh, 0.01))
            : Widen(yLow, yHigh, Math.Max(Math.Abs(yLow) / 10, 1e-3));
        _yTicks = new AxisTicks(yLow, yHigh, count: 5, percent: chart.Percent);
    }

    public static string Render(LineChart chart) => new SvgChart(chart).Draw();

    /// <summary>A short line as in the chart, for the legend.</summary>
    public static string Swatch(int series) =>
        "<svg class=\"swatch\" width=\"34\" height=\"10\" aria-hidden=\"true\">"
        + $"<path class=\"line {Colour(series)}\" stroke-dasharray=\"{Dash(series)}\" d=\"M1 5H33\"/></svg>";

    private string Draw()
    {
        Add($"<svg class=\"chart\" viewBox=\"0 0 {Width} {Height}\" role=\"img\" aria-label=\"{Escape(_chart.Title)}\">");
        Axes();
        for (var i = 0; i < _chart.Series.Count; i++) Line(i);
        foreach (var mark in _chart.Marks) Mark(mark.Label, mark.X, mark.Y);
        if (!_chart.Series.Any(series => Array.Exists(series.Points, CanDraw)))
            Add($"<text class=\"axis\" x=\"{(Left + Right) / 2}\" y=\"{(Top + Bottom) / 2}\" text-anchor=\"middle\">no values</text>");
        return _svg.Append("</svg>").ToString();
    }

    private void Axes()
    {
        foreach (var tick in _yTicks.Values)
        {
            Add($"<path class=\"rule\" d=\"M{Left} {Y(tick):0.##}H{Right}\"/>");
            Add($"<text class=\"tick\" x=\"{Left - 8}\" y=\"{Y(tick) + 4:0.##}\" text-anchor=\"end\">{_yTicks.Format(tick)}</text>");
        }
        foreach (var tick in _xTicks.Values.Where(tick => X(tick) is >= Left - 0.5 and <= Right + 0.5))
        {
            Add($"<path class=\"base\" d=\"M{X(tick):0.##} {Bottom}v5\"/>");
            Add($"<text class=\"tick\" x=\"{X(tick):0.##}\" y=\"{Bottom + 20}\" text-anchor=\"middle\">{_xTicks.Format(tick)}</text>");
        }
        Add($"<path class=\"base\" d=\"M{Left} {Bottom}H{Right}\"/>");
        Add($"<text class=\"axis\" x=\"{(Left + Right) / 2}\" y=\"{Height - 10}\" text-anchor=\"middle\">{Escape(_chart.XLabel)}</text>");
        Add($"<text class=\"axis\" transform=\"translate(16 {(Top + Bottom) / 2}) rotate(-90)\" text-anchor=\"middle\">");
        Add($"{Escape(_chart.YLabel)}</text>");
    }

    private void Line(int series)
    {
        var (name, points, errors) = _chart.Series[series];
        foreach (var (barX, low, high) in Bars(points, errors)) Bar(Colour(series), X(barX), (Y(low), Y(high)));
        var path = new StringBuilder();
        var open = false;
        foreach (var point in points)
        {
            if (CanDraw(point)) path.Append(CultureInfo.InvariantCulture, $"{(open ? 'L' : 'M')}{X(point.X):0.##} {Y(point.Y):0.##}");
            open = CanDraw(point);
        }
        Add($"<path class=\"line {Colour(series)}\" stroke-dasharray=\"{Dash(series)}\" d=\"{path}\"/>");
        if (points.Length > MaxDots) return;
        foreach (var (x, y) in points.Where(CanDraw))
        {
            Add($"<circle class=\"dot {Colour(series)}\" cx=\"{X(x):0.##}\" cy=\"{Y(y):0.##}\" r=\"2.6\">");
            Add($"<title>{Escape(name)}: {_yTicks.FormatFine(y)} at {x:G5}</title></circle>");
        }
    }

    // Caps as wide as a dot show where the bar ends when it crosses another line.
    private void Bar(string colour, double x, (double Low, double High) y)
    {
        Add($"<path class=\"line error {colour}\" d=\"M{x:0.##} {y.Low:0.##}V{y.High:0.##}");
        Add($"M{x - 4:0.##} {y.Low:0.##}h8M{x - 4:0.##} {y.High:0.##}h8\"/>");
    }

    private void Mark(string label, double x, double y)
    {
        var leftwards = X(x) > (Left + Right) / 2;
        var above = Y(y) > Top + 30;
        var (textX, textY) = (X(x) + (leftwards ? -9 : 9), Y(y) + (above ? -10 : 20));
        var anchor = leftwards ? "end" : "start";
        Add($"<path class=\"guide\" d=\"M{X(x):0.##} {Y(y):0.##}V{Bottom}\"/>");
        Add($"<circle class=\"mark\" cx=\"{X(x):0.##}\" cy=\"{Y(y):0.##}\" r=\"6\"/>");
        Add($"<text class=\"label\" x=\"{textX:0.##}\" y=\"{textY:0.##}\" text-anchor=\"{anchor}\">{Escape(label)}</text>");
    }

    private double X(double value) => Left + (value - _xLow) / (_xHigh - _xLow) * (Right - Left);

    private double Y(double value) => Bottom - (value - _yTicks.Low) / (_yTicks.High - _yTicks.Low) * (Bottom - Top);

    // Numbers are formatted invariantly, because SVG does not accept the decimal comma that many cultures use.
    private void Add(FormattableString markup) => _svg.Append(markup.ToString(CultureInfo.InvariantCulture));

    private static string Colour(int series) => $"c{series % Colours}";

    private static string Dash(int series) => _dashes[series % _dashes.Length];

    private static string Escape(string text) => WebUtility.HtmlEncode(text);

    private static IEnumerable<(double X, double Low, double High)> Bars((double X, double Y)[] points, double[] errors) =>
        points.Zip(errors, (point, error) => (point.X, Low: point.Y - error, High: point.Y + error))
            .Where(bar => bar.Low < bar.High && CanDraw((bar.X, bar.Low)) && CanDraw((bar.X, bar.High)));

    // Larger values could overflow when the scale is computed. NaN and infinite values fail the comparisons as well.
    private static bool CanDraw((double X, double Y) point) => Math.Abs(point.X) < 1e100 && Math.Abs(point.Y) < 1e100;

    // Widens a range of zero width, and one that is hardly wider than rounding errors, since its ticks would not be distinct numbers.
    private static (double Low, double High) Widen(double low, double high, double by)
    {
        var size = Math.Max(Math.Abs(low), Math.Abs(high));
        if (high - low > Math.Max(1e-9 * size, 1e-100)) return (low, high);
        by = Math.Max(by, 1e-6 * size);
        return (low - by, high + by);
    }
}

namespace Ardir.Core;

/// <summary>
/// A line chart for an <see cref="HtmlReport"/>: several named series over one pair of axes. Lines differ in colour and in dash pattern,
/// so that they stay distinguishable in a greyscale print.
/// </summary>
/// <example><code>
/// var chart = new LineChart("Robust accuracy") { XLabel = "Epoch", YLabel = "Accuracy", Percent = true }
///     .Line("clean", clean)                                  // values of epochs 1, 2, 3, ...
///     .Line("PGD-20", [(1, 0.31), (5, 0.42), (10, 0.47)])
///     .Line("mean of seeds", [(5, 0.41, 0.02), (10, 0.46, 0.01)])   // with error bars
///     .Mark("best", 10, 0.47);
/// </code></example>
public sealed class LineChart
{
    private readonly List<(string Name, (double X, double Y)[] Points, double[] Errors)> _series = [];
    private readonly List<(string Label, double X, double Y)> _marks = [];

    /// <summary>Makes an empty chart.</summary>
    /// <param name="title">Shown above it.</param>
    public LineChart(string title)
    {
        ArgumentNullException.ThrowIfNull(title);
        Title = title;
    }

    /// <summary>Shown above the chart.</summary>
    public string Title { get; }

    /// <summary>What the horizontal axis shows.</summary>
    /// <value>Empty by default.</value>
    public string XLabel { get; init; } = "";

    /// <summary>What the vertical axis shows.</summary>
    /// <value>Empty by default.</value>
    public string YLabel { get; init; } = "";

    /// <summary>Whether vertical values are fractions to be shown as percent. Their axis then starts at 0.</summary>
    /// <value>false by default.</value>
    public bool Percent { get; init; }

    /// <summary>Adds a line.</summary>
    /// <param name="name">Its name in the legend.</param>
    /// <param name="points">From left to right. A point that is not finite leaves a gap.</param>
    /// <returns>This chart.</returns>
    public LineChart Line(string name, IEnumerable<(double X, double Y)> points)
    {
        ArgumentNullException.ThrowIfNull(name);
        ArgumentNullException.ThrowIfNull(points);
        _series.Add((name, [.. points], []));
        return this;
    }

    /// <summary>Adds a line with error bars from Y - Error to Y + Error, for example a mean with its standard deviation.</summary>
    /// <param name="name">Its name in the legend.</param>
    /// <param name="points">From left to right. A point that is not finite leaves a gap; an error that is 0 or not finite draws no
    /// bar.</param>
    /// <returns>This chart.</returns>
    /// <exception cref="ArgumentException">An error is negative.</exception>
    public LineChart Line(string name, IEnumerable<(double X, double Y, double Error)> points)
    {
        ArgumentNullException.ThrowIfNull(name);
        ArgumentNullException.ThrowIfNull(points);
        (double X, double Y, double Error)[] all = [.. points];
        foreach (var (x, _, error) in all)
        {
            if (error < 0)
            {
                throw new ArgumentException(
                    $"The error of '{name}' at {x} is {error}; expected half the length of its bar, at least 0.", nameof(points));
            }
        }
        _series.Add((name, [.. all.Select(point => (point.X, point.Y))], [.. all.Select(point => point.Error)]));
        return this;
    }

    /// <summary>Adds a line whose points are at 1, 2, 3, ...: one value per epoch.</summary>
    /// <param name="name">Its name in the legend.</param>
    /// <param name="values">The vertical coordinates. A value that is not finite leaves a gap.</param>
    /// <returns>This chart.</returns>
    public LineChart Line(string name, IEnumerable<double> values)
    {
        ArgumentNullException.ThrowIfNull(values);
        return Line(name, values.Select((value, i) => (i + 1.0, value)));
    }

    /// <summary>Marks a point, for example the epoch whose weights were kept.</summary>
    /// <param name="label">Written beside it.</param>
    /// <param name="x">Its horizontal coordinate.</param>
    /// <param name="y">Its vertical coordinate.</param>
    /// <returns>This chart.</returns>
    /// <exception cref="ArgumentException">A coordinate is not finite.</exception>
    public LineChart Mark(string label, double x, double y)
    {
        ArgumentNullException.ThrowIfNull(label);
        if (!double.IsFinite(x) || !double.IsFinite(y))
        {
            throw new ArgumentException(
                $"The mark '{label}' is at ({x}, {y}); expected finite coordinates.", double.IsFinite(x) ? nameof(y) : nameof(x));
        }
        _marks.Add((label, x, y));
        return this;
    }

    // A line without error bars has no errors.
    internal IReadOnlyList<(string Name, (double X, double Y)[] Points, double[] Errors)> Series => _series;

    internal IReadOnlyList<(string Label, double X, double Y)> Marks => _marks;
}

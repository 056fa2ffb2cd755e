namespace Ardir.Distillation;

/// <summary>Mean and spread of one value per seed.</summary>
/// <example><code>
/// var accuracy = SampleStatistics.Of(results.Robust("ARDIR-RC", "AutoAttack").Values);
/// </code></example>
public sealed record SampleStatistics
{
    private const double Level = 0.95;

    private SampleStatistics(int count, double mean, double? standardDeviation) =>
        (Count, Mean, StandardDeviation) = (count, mean, standardDeviation);

    /// <summary>Number of values, at least 1.</summary>
    public int Count { get; }

    /// <summary>Their mean, in the unit of the values.</summary>
    public double Mean { get; }

    /// <summary>Their standard deviation, with the divisor n - 1; null for a single value, whose spread is unknown.</summary>
    public double? StandardDeviation { get; }

    /// <summary>Half the width of the two-sided 95 % interval of the mean by Student's t distribution: t s / sqrt(n); null for a single
    /// value. It supposes independent values that are roughly normally distributed.</summary>
    public double? HalfWidth => StandardDeviation is { } deviation
        ? StudentT.TwoSided(Level, Count - 1) * deviation / Math.Sqrt(Count)
        : null;

    /// <summary>The statistics of values.</summary>
    /// <param name="values">At least one.</param>
    /// <exception cref="ArgumentException">There is no value.</exception>
    public static SampleStatistics Of(IEnumerable<double> values)
    {
        ArgumentNullException.ThrowIfNull(values);
        return Try(values) ?? throw new ArgumentException("There is no value; expected at least one.", nameof(values));
    }

    /// <summary>The statistics of values, or null if there are none.</summary>
    internal static SampleStatistics? Try(IEnumerable<double> values)
    {
        double[] all = [.. values];
        if (all.Length == 0) return null;
        var mean = all.Average();
        // Deviations are squared after the mean is known, because differences of squares would lose all digits of close values.
        var squares = all.Sum(value => (value - mean) * (value - mean));
        return new SampleStatistics(all.Length, mean, all.Length > 1 ? Math.Sqrt(squares / (all.Length - 1)) : null);
    }
}

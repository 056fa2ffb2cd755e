using System.Globalization;

namespace Ardir.Core;

/// <summary>Round numbers along an axis: steps of 1, 2 or 5 times a power of ten.</summary>
internal sealed class AxisTicks
{
    private readonly double _step;
    private readonly bool _percent;

    /// <summary>
    /// Chooses about <paramref name="count"/> steps that cover [low,high]. With <paramref name="whole"/> all ticks are whole numbers;
    /// with <paramref name="percent"/> the values are fractions that are written as percent.
    /// </summary>
    public AxisTicks(double low, double high, int count, bool whole = false, bool percent = false)
    {
        (_step, _percent) = (Step((high - low) / count, whole), percent);
        First = Math.Floor(low / _step + 1e-9);
        Last = Math.Ceiling(high / _step - 1e-9);
    }

    /// <summary>The lowest tick, counted in steps from zero; at or below the low end of the range.</summary>
    private double First { get; }

    /// <summary>The highest tick, counted in steps from zero; at or above the high end of the range.</summary>
    private double Last { get; }

    public double Low => First * _step;

    public double High => Last * _step;

    /// <summary>
    /// All ticks from <see cref="Low"/> to <see cref="High"/>. Each is computed as a multiple of the step, so that rounding errors do not
    /// accumulate.
    /// </summary>
    public IEnumerable<double> Values
    {
        get
        {
            for (var i = First; i <= Last; i++) yield return i * _step;
        }
    }

    /// <summary>The label of a tick, with as many decimals as the step needs.</summary>
    public string Format(double tick)
    {
        var (value, step) = _percent ? (100 * tick, 100 * _step) : (tick, _step);
        return Number(value, step) + (_percent ? " %" : "");
    }

    /// <summary>The text of any value on the axis, with more digits than the labels of the ticks usually have.</summary>
    public string FormatFine(double value) => _percent
        ? Number(100 * value, 0.1) + " %"
        : value.ToString("G5", CultureInfo.InvariantCulture);

    private static string Number(double value, double step)
    {
        if (step >= 1e6 || step < 1e-5) return value.ToString("0.##e0", CultureInfo.InvariantCulture);
        var decimals = Math.Max(0, -(int)Math.Floor(Math.Log10(step) + 1e-9));
        return (value == 0 ? 0 : value).ToString($"F{decimals}", CultureInfo.InvariantCulture);
    }

    private static double Step(double atLeast, bool whole)
    {
        if (whole && atLeast <= 1) return 1;
        var power = Math.Pow(10, Math.Floor(Math.Log10(atLeast)));
        var digit = atLeast / power;
        return power * (digit <= 1 ? 1 : digit <= 2 ? 2 : digit <= 5 ? 5 : 10);
    }
}

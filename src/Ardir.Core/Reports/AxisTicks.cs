using System.Globalization;

namespace Ardir.Core;

/// <summary>Round numbers along an axis: steps of 1, 2 or 5 times a power of ten.</summary>
internal sealed class AxisTicks
{
    private readonly double _step;
    private readonly bool _percent;

    /// <summary>About <paramref name="count"/> steps that cover [low,high]; with <paramref name="whole"/> only whole numbers.</summary>
    public AxisTicks(double low, double high, int count, bool whole = false, bool percent = false)
    {
        (_step, _percent) = (Step((high - low) / count, whole), percent);
        First = Math.Floor(low / _step + 1e-9);
        Last = Math.Ceiling(high / _step - 1e-9);
    }

    /// <summary>Lowest and highest tick in steps from zero; both outside or on the ends of the range.</summary>
    private double First { get; }

    private double Last { get; }

    public double Low => First * _step;

    public double High => Last * _step;

    /// <summary>All ticks from <see cref="Low"/> to <see cref="High"/>. Multiples of the step, so that errors do not add up.</summary>
    public IEnumerable<double> Values
    {
        get
        {
            for (var i = First; i <= Last; i++) yield return i * _step;
        }
    }

    /// <summary>A tick with as many decimals as the step needs.</summary>
    public string Format(double tick)
    {
        var (value, step) = _percent ? (100 * tick, 100 * _step) : (tick, _step);
        return Number(value, step) + (_percent ? " %" : "");
    }

    /// <summary>Any value on the axis, a little finer than the ticks.</summary>
    public string FormatFine(double value) => _percent ? Number(100 * value, 0.1) + " %" : value.ToString("G5", CultureInfo.InvariantCulture);

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

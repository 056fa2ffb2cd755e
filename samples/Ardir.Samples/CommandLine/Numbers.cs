using System.Globalization;

namespace Ardir.Samples;

/// <summary>Numbers as people write budgets: 0.1 or 8/255.</summary>
internal static class Numbers
{
    /// <summary>False for what is no finite number.</summary>
    public static bool TryParse(string text, out double value)
    {
        var parts = text.Split('/');
        double number = double.NaN, divisor = 1;
        var isNumber = parts.Length <= 2 && TryPart(parts[0], out number) && (parts.Length == 1 || TryPart(parts[1], out divisor));
        value = number / divisor;
        return isNumber && double.IsFinite(value);
    }

    private static bool TryPart(string text, out double value) =>
        double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out value);
}

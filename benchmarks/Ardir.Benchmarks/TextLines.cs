using System.Globalization;
using System.Text;

namespace Ardir.Benchmarks;

/// <summary>Lines of a report, whose numbers look alike in every culture.</summary>
internal static class TextLines
{
    public static void Line(this StringBuilder text, FormattableString line) => text.AppendLine(line.ToString(CultureInfo.InvariantCulture));
}

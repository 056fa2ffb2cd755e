using Ardir.Core;
using System.Globalization;

namespace Ardir.Attacks;

/// <summary>The tables that every printed form of a report shows.</summary>
internal static class ReportTables
{
    public static readonly string[] AttackHeaders =
        ["Attack", "Attacked", "Broken", "Robust accuracy after", "Sample forwards", "Sample backwards", "Time"];

    public static readonly string[] BudgetHeaders = ["Share of the cost", "Evaluations", "Attack by then", "Robust accuracy by then"];

    public static readonly string[] ClassHeaders = ["Class", "Images", "Clean", "Robust"];

    public static string Summary(RobustnessReport report) => string.Create(CultureInfo.InvariantCulture,
        $"{Percent(report.RobustAccuracy)} robust (95 % interval {Percent(report.ConfidenceInterval.Low)} to " +
        $"{Percent(report.ConfidenceInterval.High)}), {Percent(report.CleanAccuracy)} clean, on {report.Count} images; " +
        $"AutoAttack {report.Version.ToString().ToLowerInvariant()}, {Budget(report.Threat)}, " +
        $"seed {report.Seed}{(report.ContextSeed == 0 ? "" : $" and {report.ContextSeed}")}.");

    /// <summary>Which rules made the evaluation cheaper than the published code, in sentences.</summary>
    public static string Rules(RobustnessReport report) => GivingUp.Describe(report.Data.GivesUp) +
        (report.Data.SearchPrecision == SearchPrecision.Full ? ""
            : $" Gradients were followed in {report.Data.SearchPrecision}, which the published code does not do; what was found was judged "
            + "in the precision of the model.");

    private static string Budget(ThreatModel threat) => threat is NormThreatModel ball
        ? string.Create(CultureInfo.InvariantCulture, $"{ball.Norm} {ball.Epsilon:G6}")
        : threat.ToString();

    public static IEnumerable<string[]> Attacks(RobustnessReport report) => report.Attacks.Select(attack => (string[])
    [
        attack.Name, Number(attack.Attacked), Number(attack.Broken), Percent(attack.RobustAccuracyAfter),
        Number(attack.SampleForwards), Number(attack.SampleBackwards), Duration(attack.Elapsed),
    ]);

    /// <summary>What parts of the cost had found by then.</summary>
    public static IEnumerable<string[]> Budget(RobustnessReport report) => BudgetCurve.Shares(report).Select(part => (string[])
    [
        part.Share.ToString("P0", CultureInfo.InvariantCulture), Number(part.Evaluations), part.Attack, Percent(part.RobustAccuracy),
    ]);

    public static IEnumerable<string[]> Classes(RobustnessReport report, IReadOnlyList<string>? names)
    {
        var labels = HostRead.Array<long>(report.Labels);
        return labels.Distinct().Order().Select(label =>
        {
            int[] members = [.. Enumerable.Range(0, labels.Length).Where(i => labels[i] == label)];
            return (string[])
            [
                Class(label, names), Number(members.Length), Percent(members.Count(i => report.Correct[i]) / (double)members.Length),
                Percent(members.Count(i => report.Robust[i]) / (double)members.Length),
            ];
        });
    }

    public static string Class(long label, IReadOnlyList<string>? names) =>
        names is not null && label < names.Count && names[(int)label] is { Length: > 0 } name
            ? name
            : label.ToString(CultureInfo.InvariantCulture);

    public static string Percent(double value) => value.ToString("P2", CultureInfo.InvariantCulture);

    /// <summary>h:mm:ss with the total hours: the format "h" would drop whole days.</summary>
    public static string Duration(TimeSpan time) => string.Create(CultureInfo.InvariantCulture, $"{(long)time.TotalHours}:{time:mm\\:ss}");

    private static string Number(long value) => value.ToString("N0", CultureInfo.InvariantCulture);
}

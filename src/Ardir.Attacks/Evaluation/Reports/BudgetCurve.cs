namespace Ardir.Attacks;

/// <summary>Robust accuracy against what was spent, made for people: a step after every batch.</summary>
internal static class BudgetCurve
{
    /// <summary>So many points of an attack are written to files.</summary>
    public const int PointsPerAttack = 200;

    private static readonly double[] _shares = [0, 0.1, 0.25, 0.5, 0.75, 1];

    /// <summary>The points of each attack, in the order of the attacks, evenly thinned out. The last point of an attack always
    /// stays.</summary>
    public static IEnumerable<(string Attack, IReadOnlyList<BudgetPoint> Points)> ByAttack(RobustnessReport report)
    {
        var at = 0;
        foreach (var (attack, count) in report.Data.BudgetCounts.Select((count, index) => (report.Attacks[index].Name, count)))
        {
            BudgetPoint[] points = [.. report.BudgetCurve.Skip(at).Take(count)];
            at += count;
            if (count > 0) yield return (attack, Thinned(points));
        }
    }

    /// <summary>Every point, or the last of each of as many groups of almost equal size as may be written.</summary>
    public static IReadOnlyList<BudgetPoint> Thinned(IReadOnlyList<BudgetPoint> points) => points.Count <= PointsPerAttack
        ? points
        : [.. Enumerable.Range(1, PointsPerAttack).Select(group => points[(int)((long)group * points.Count / PointsPerAttack) - 1])];

    /// <summary>What some shares of the cost had found: the evaluations that they are, the attack of the last batch that ended by then,
    /// and the robust accuracy after it. Empty if no attack ran.</summary>
    public static IEnumerable<(double Share, long Evaluations, string Attack, double RobustAccuracy)> Shares(RobustnessReport report)
    {
        var points = report.BudgetCurve;
        if (points.Count == 0) yield break;
        foreach (var share in _shares)
        {
            var evaluations = (long)Math.Floor(share * points[^1].SampleEvaluations);
            var last = points.LastOrDefault(point => point.SampleEvaluations <= evaluations);
            yield return (share, evaluations, last?.Attack ?? "", last?.RobustAccuracy ?? report.CleanAccuracy);
        }
    }
}

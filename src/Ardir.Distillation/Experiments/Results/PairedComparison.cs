using System.Globalization;

namespace Ardir.Distillation;

/// <summary>The difference of two methods in accuracy, seed by seed. With the same seed, methods of a plan share images and their order,
/// and with the same <see cref="ExperimentMethod.InitialWeights"/> their first weights, so that differences vary less than
/// accuracies.</summary>
/// <example><code>
/// var comparison = PairedComparison.Of(results, "ARDIR-RC", "ARD-RC", "AutoAttack");
/// Console.WriteLine(comparison);   // ARDIR-RC is ahead of ARD-RC by 1.9 ± 0.8 points (AutoAttack, 3 seeds, 95 % interval).
/// </code></example>
public sealed class PairedComparison
{
    private const int MaxDigits = 4;

    private readonly SampleStatistics? _statistics;
    private readonly int _planned;

    private PairedComparison(string method, string other, string? attack, (SortedDictionary<ulong, double> Differences, int Planned) seeds)
    {
        (Method, Other, Attack) = (method, other, attack);
        (Differences, _planned) = seeds;
        _statistics = SampleStatistics.Try(seeds.Differences.Values);
    }

    /// <summary>The method.</summary>
    public string Method { get; }

    /// <summary>The method that it is compared with.</summary>
    public string Other { get; }

    /// <summary>The attack; null for the clean accuracy.</summary>
    public string? Attack { get; }

    /// <summary>Accuracy of <see cref="Method"/> minus that of <see cref="Other"/>, shares from -1 to 1, for each seed for which both were
    /// evaluated in the same way: same images and, under an attack, same options.</summary>
    public IReadOnlyDictionary<ulong, double> Differences { get; }

    /// <summary>Seeds with a difference.</summary>
    public int Count => Differences.Count;

    /// <summary>The mean difference, a share from -1 to 1; null without a seed.</summary>
    public double? Mean => _statistics?.Mean;

    /// <summary>Half the width of the two-sided 95 % interval of <see cref="Mean"/> by Student's t distribution, a share; null with fewer
    /// than two seeds. It covers what changes with the seed, not the choice of the test images.</summary>
    public double? HalfWidth => _statistics?.HalfWidth;

    /// <summary>Which method is ahead, as far as the interval can tell.</summary>
    public ComparisonVerdict Verdict =>
        Mean is not { } mean || HalfWidth is not { } half ? ComparisonVerdict.Open
        : mean > half ? ComparisonVerdict.Ahead
        : mean < -half ? ComparisonVerdict.Behind
        : ComparisonVerdict.NotDistinguishable;

    /// <summary>Compares two methods, each with the weights that it is reported with.</summary>
    /// <param name="results">The records.</param>
    /// <param name="method">Name of a method.</param>
    /// <param name="other">Name of the method to compare it with.</param>
    /// <param name="attack">Name of an attack of the plan; null compares clean accuracies.</param>
    /// <exception cref="ArgumentException">The plan has no such method or attack.</exception>
    public static PairedComparison Of(ExperimentResults results, string method, string other, string? attack = null)
    {
        ArgumentNullException.ThrowIfNull(results);
        var plan = results.Plan;
        if (attack is not null && plan.Attacks.All(planned => planned.Name != attack))
        {
            var known = string.Join(", ", plan.Attacks.Select(planned => $"'{planned.Name}'"));
            throw new ArgumentException($"The plan has no attack '{attack}'; it has {known}.", nameof(attack));
        }
        var (ours, theirs) = (results.Evaluations(method, attack), results.Evaluations(other, attack));
        var differences = new SortedDictionary<ulong, double>();
        foreach (var (seed, evaluation) in ours)
        {
            if (theirs.TryGetValue(seed, out var against) && AreAlike(evaluation, against, attack))
                differences.Add(seed, Value(evaluation) - Value(against));
        }
        return new PairedComparison(plan.Method(method).Name, plan.Method(other).Name, attack, (differences, plan.Seeds.Count));

        double Value(RunEvaluation evaluation) => attack is null ? evaluation.CleanAccuracy : evaluation.RobustAccuracy;
    }

    /// <summary>The result as a sentence, in points of a percent.</summary>
    public override string ToString()
    {
        var attack = Attack ?? "clean";
        if (Mean is not { } mean) return $"{Method} and {Other} have no seed in common yet ({attack}).";
        if (HalfWidth is not { } half) return OneSeed(mean, attack);
        var details = $"{attack}, {Seeds}, 95 % interval";
        var digits = Digits(mean, half);
        return Verdict switch
        {
            ComparisonVerdict.Ahead => $"{Method} is ahead of {Other} by {Distance(mean, half, digits)} points ({details}).",
            ComparisonVerdict.Behind => $"{Method} is behind {Other} by {Distance(-mean, half, digits)} points ({details}).",
            _ => $"{Method} is not distinguishable from {Other} ({Signed(mean, digits)} ± {Points(half, digits)} points; {details}).",
        };
    }

    /// <summary>Mean and half width in points, as the sentence shows them, for example "+1.9 ± 0.8".</summary>
    internal string Interval() => Mean is not { } mean ? "–"
        : HalfWidth is not { } half ? Signed(mean, 1)
        : $"{Signed(mean, Digits(mean, half))} ± {Points(half, Digits(mean, half))}";

    // While a plan with other images or options is carried out, some runs are still attacked as before. Clean accuracy depends on the
    // images alone.
    private static bool AreAlike(RunEvaluation one, RunEvaluation other, string? attack) =>
        attack is null ? one.TestedOn == other.TestedOn : one.Identity == other.Identity;

    private string OneSeed(double mean, string attack) =>
        $"{Method} against {Other}: one seed only, so no interval: {Signed(mean, 1)} points ({attack}).";

    private string Seeds => Count == _planned ? $"{Count} seeds" : $"{Count} of {_planned} seeds";

    // One decimal, or more where rounding would contradict the verdict: "ahead by 1.9 ± 1.9".
    private static int Digits(double mean, double half) => Enumerable.Range(1, MaxDigits).FirstOrDefault(
        digits => Math.Abs(mean) > half == Math.Round(Math.Abs(100 * mean), digits) > Math.Round(100 * half, digits), MaxDigits);

    private static string Points(double share, int digits) => (100 * share).ToString($"F{digits}", CultureInfo.InvariantCulture);

    private static string Distance(double mean, double half, int digits) => $"{Points(mean, digits)} ± {Points(half, digits)}";

    private static string Signed(double share, int digits)
    {
        var text = Points(Math.Abs(share), digits);
        var isZero = text.All(c => c is '0' or '.');
        return (share < 0 && !isZero ? "-" : "+") + text;
    }
}

namespace Ardir.Distillation;

/// <summary>Paired differences: sentences at the top of the report, and a table of all of them.</summary>
internal static class DifferenceSection
{
    private const int MaxSentences = 12;

    /// <summary>The sentences about the method that the paper proposes, or about all methods when the plan has none of its kind.</summary>
    public static void AddSentences(ReportPage page, ReportStudy study)
    {
        if (study.MainAttack is not { } attack) return;
        var all = Pairs(study, attack);
        if (all.Count == 0) return;
        var main = all.Exists(pair => pair.Method.Loss == "ardir") ? all.FindAll(pair => pair.Method.Loss == "ardir") : all;
        if (main.Count > MaxSentences) main = main.FindAll(pair => pair.Method.Teacher != pair.Other.Name);
        if (main.Count > MaxSentences) main = [];
        page.List([.. main.Select(pair => pair.Comparison.ToString())]).Paragraph(Tally(all, attack));
    }

    public static void Add(ReportPage page, ReportStudy study)
    {
        // The attack of the sentences first, the clean accuracy last.
        var attacks = study.Plan.Attacks.Select(attack => attack.Name);
        string?[] columns = [.. attacks.OrderByDescending(attack => attack == study.MainAttack), null];
        var rows = columns.SelectMany(attack => Pairs(study, attack)).Select(pair => (string[])
        [
            pair.Comparison.Attack ?? "clean", pair.Method.Name, pair.Other.Name, pair.Comparison.Interval(), $"{pair.Comparison.Count}",
            Word(pair.Comparison.Verdict),
        ]).ToList();
        if (rows.Count == 0) return;
        var intervals = columns.Sum(attack => Pairs(study, attack).Count(pair => pair.Comparison.HalfWidth is not null));
        page.Heading("Paired differences")
            .Paragraph("Accuracy of the method minus that of the other, seed by seed, in points: mean ± half the width of the 95 % "
                + "interval (Student's t). Images and their order are the same within a pair; so are the first weights, "
                + "if the plan below says so: "
                + "teachers have their own. The interval covers what changes with the seed, not the choice of the test images."
                + (intervals == 0 ? " One seed has no interval."
                    : $" Of {ReportText.Count(intervals, "interval")} about {ReportText.Number(intervals * 0.05, "0.#")} miss their "
                        + "true value by chance."))
            .Table(["Attack", "Method", "Against", "Difference", "Seeds", "Verdict"], rows);
    }

    private static List<Pair> Pairs(ReportStudy study, string? attack) =>
    [
        .. ComparisonPairs.Of(study)
            .Select(pair => new Pair(
                pair.Method, pair.Other, PairedComparison.Of(study.Results, pair.Method.Name, pair.Other.Name, attack)))
            .Where(pair => pair.Comparison.Count > 0),
    ];

    private static string Tally(List<Pair> all, string attack)
    {
        ComparisonVerdict[] order =
            [ComparisonVerdict.Ahead, ComparisonVerdict.Behind, ComparisonVerdict.NotDistinguishable, ComparisonVerdict.Open];
        var counts = order.Select(verdict => (verdict, Count: all.Count(pair => pair.Comparison.Verdict == verdict)))
            .Where(pair => pair.Count > 0)
            .Select(pair => $"{Word(pair.verdict)} {pair.Count}");
        return $"Verdicts on all {ReportText.Count(all.Count, "pair")} under {attack}: {string.Join(", ", counts)}. "
            + "Each is in the table below.";
    }

    private static string Word(ComparisonVerdict verdict) => verdict switch
    {
        ComparisonVerdict.Ahead => "ahead", ComparisonVerdict.Behind => "behind",
        ComparisonVerdict.NotDistinguishable => "not distinguishable", _ => "one seed only",
    };

    private sealed record Pair(ExperimentMethod Method, ExperimentMethod Other, PairedComparison Comparison);
}

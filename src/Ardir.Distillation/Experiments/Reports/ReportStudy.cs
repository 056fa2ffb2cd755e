namespace Ardir.Distillation;

/// <summary>What the sections of the report ask of the results.</summary>
internal sealed class ReportStudy(ExperimentResults results)
{
    public ExperimentResults Results => results;

    public ExperimentPlan Plan => results.Plan;

    public IReadOnlyList<RunRecord> Records { get; } = results.Records;

    /// <summary>The attack that the sentences are about. The choice does not look at the figures, so that it cannot be made to please:
    /// AutoAttack, else its fast version, else Fast, else the last attack of the plan, of those that have run on any
    /// network.</summary>
    public string? MainAttack { get; } = Main(results);

    public IReadOnlyList<string> Teachers { get; } =
        [.. results.Plan.Methods.Select(method => method.Name).Intersect(results.Plan.Methods.SelectMany(method => method.Teachers))];

    /// <summary>How many images the runs trained on, as their records say; null without any.</summary>
    public int? TrainingImages { get; } = results.Records
        .Select(record => RunIdentityText.TrainingImages(record.Identity)).FirstOrDefault(count => count is not null);

    public IEnumerable<RunRecord> RecordsOf(ExperimentMethod method) => Records.Where(record => record.Method == method.Name);

    public SampleStatistics? Clean(ExperimentMethod method) => SampleStatistics.Try(results.Clean(method.Name).Values);

    public SampleStatistics? Robust(ExperimentMethod method, string attack, KeptWeights? weights = null) =>
        SampleStatistics.Try(results.Robust(method.Name, attack, weights).Values);

    /// <summary>A cell of the tables: mean and standard deviation; the number of seeds where it differs from that of the row.</summary>
    public string Cell(ExperimentMethod method, SampleStatistics? statistics)
    {
        if (statistics is null) return HasDiverged(method) ? ReportText.Diverged : ReportText.None;
        var text = ReportText.Spread(statistics);
        return statistics.Count == Finished(method) ? text : $"{text} (n = {statistics.Count})";
    }

    /// <summary>"3", or what became of the seeds when not all of them have finished.</summary>
    public string Seeds(ExperimentMethod method)
    {
        var (finished, diverged) = (Finished(method), RecordsOf(method).Count() - Finished(method));
        var missing = Plan.Seeds.Count - finished - diverged;
        if (finished == Plan.Seeds.Count) return $"{finished}";
        List<string> others = [];
        if (diverged > 0) others.Add($"{diverged} diverged");
        if (missing > 0) others.Add($"{missing} missing");
        return $"{finished} of {Plan.Seeds.Count} ({string.Join(", ", others)})";
    }

    /// <summary>The epochs of the run whose weights the method is reported with: one, or the last for an average.</summary>
    public static EpochMetrics? Reported(ExperimentMethod method, RunRecord record) =>
        record.Epochs.Count == 0 ? null
        : method.Report == KeptWeights.Best ? record.Epochs.FirstOrDefault(epoch => epoch.Epoch == record.BestEpoch)
        : record.Epochs[^1];

    /// <summary>Whether all attacks of the plan have run on the network of a finished run.</summary>
    public bool IsAttacked(RunRecord record)
    {
        var hasAverage = Plan.Method(record.Method).AverageFrom is not null;
        return Plan.Attacks.All(attack => attack.Weights.All(weights =>
            (weights == KeptWeights.Average && !hasAverage) || record.Find(attack.Name, weights) is not null));
    }

    private int Finished(ExperimentMethod method) => RecordsOf(method).Count(record => record.Outcome == RunOutcome.Finished);

    private bool HasDiverged(ExperimentMethod method) =>
        Finished(method) == 0 && RecordsOf(method).Any(record => record.Outcome != RunOutcome.Finished);

    private static string? Main(ExperimentResults results)
    {
        var names = results.Plan.Attacks.Select(attack => attack.Name).ToList();
        string[] order = [.. new[] { "AutoAttack", "AutoAttack-fast", "Fast" }.Where(names.Contains), .. Enumerable.Reverse(names)];
        var evaluations = results.Records.SelectMany(record => record.Evaluations);
        var used = evaluations.Select(evaluation => evaluation.Attack).ToHashSet(StringComparer.Ordinal);
        return order.FirstOrDefault(used.Contains);
    }
}

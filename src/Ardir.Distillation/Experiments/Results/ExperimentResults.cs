namespace Ardir.Distillation;

/// <summary>The records of a plan's runs, as far as they are finished. Nothing is left out: a seed without a record is counted as missing,
/// a diverged run as diverged.</summary>
public sealed class ExperimentResults
{
    private readonly Dictionary<(string Method, ulong Seed), RunRecord> _records;

    internal ExperimentResults(ExperimentPlan plan, IEnumerable<RunRecord> records)
    {
        Plan = plan;
        _records = records.ToDictionary(record => (record.Method, record.Seed));
    }

    /// <summary>The plan.</summary>
    public ExperimentPlan Plan { get; }

    /// <summary>The records there are, in the order of the plan's methods and seeds.</summary>
    public IReadOnlyList<RunRecord> Records =>
        [.. Plan.Methods.SelectMany(method => Plan.Seeds.Select(seed => Find(method.Name, seed))).OfType<RunRecord>()];

    /// <summary>Runs of the plan without a record.</summary>
    public int Missing => Plan.Methods.Count * Plan.Seeds.Count - Records.Count;

    /// <summary>Reads the records of a folder.</summary>
    /// <param name="plan">The plan.</param>
    /// <param name="folder">The folder that the runner wrote into.</param>
    /// <exception cref="FormatException">A record is damaged.</exception>
    /// <exception cref="IOException">A record cannot be read.</exception>
    public static ExperimentResults Load(ExperimentPlan plan, string folder)
    {
        ArgumentNullException.ThrowIfNull(plan);
        ArgumentException.ThrowIfNullOrEmpty(folder);
        var paths = plan.Methods.SelectMany(method => plan.Seeds.Select(seed => RunFolder.RecordOf(folder, method.Name, seed)));
        return new ExperimentResults(plan, paths.Where(File.Exists).Select(RunRecord.Load));
    }

    /// <summary>The record of a run, or null if there is none.</summary>
    /// <param name="method">Name of the method.</param>
    /// <param name="seed">The seed.</param>
    public RunRecord? Find(string method, ulong seed) => _records.GetValueOrDefault((method, seed));

    /// <summary>Robust accuracies of a method, one for each seed for which there is one.</summary>
    /// <param name="method">Name of the method.</param>
    /// <param name="attack">Name of an attack of the plan.</param>
    /// <param name="weights">The weights; null for those that the method is reported with.</param>
    /// <returns>Shares from 0 to 1, by seed.</returns>
    public IReadOnlyDictionary<ulong, double> Robust(string method, string attack, KeptWeights? weights = null) =>
        Values(method, record => record.Find(attack, weights ?? Plan.Method(method).Report)?.RobustAccuracy);

    /// <summary>Clean accuracies of a method, one for each seed for which there is one: those of the evaluation on the most
    /// images.</summary>
    /// <param name="method">Name of the method.</param>
    /// <param name="weights">The weights; null for those that the method is reported with.</param>
    /// <returns>Shares from 0 to 1, by seed.</returns>
    public IReadOnlyDictionary<ulong, double> Clean(string method, KeptWeights? weights = null)
    {
        var asked = weights ?? Plan.Method(method).Report;
        return Values(method, record => record.Evaluations.Where(evaluation => evaluation.Weights == asked)
            .MaxBy(evaluation => evaluation.Images)?.CleanAccuracy);
    }

    private Dictionary<ulong, double> Values(string method, Func<RunRecord, double?> read)
    {
        var values = new Dictionary<ulong, double>();
        foreach (var seed in Plan.Seeds)
        {
            if (Find(method, seed) is { } record && read(record) is { } value) values.Add(seed, value);
        }
        return values;
    }
}

using Ardir.Core;

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
    /// <exception cref="InvalidOperationException">A record belongs to another plan, as far as that can be told without the images and the
    /// losses; the message lists the differences.</exception>
    /// <exception cref="IOException">A record cannot be read.</exception>
    public static ExperimentResults Load(ExperimentPlan plan, string folder)
    {
        ArgumentNullException.ThrowIfNull(plan);
        ArgumentException.ThrowIfNullOrEmpty(folder);
        return new ExperimentResults(plan, plan.Methods.SelectMany(method => plan.Seeds.Select(seed => Read(plan, folder, method, seed)))
            .OfType<RunRecord>());
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
        Evaluations(method, attack, weights).ToDictionary(pair => pair.Key, pair => pair.Value.RobustAccuracy);

    /// <summary>Clean accuracies of a method, one for each seed for which there is one: those of the evaluation on the most
    /// images.</summary>
    /// <param name="method">Name of the method.</param>
    /// <param name="weights">The weights; null for those that the method is reported with.</param>
    /// <returns>Shares from 0 to 1, by seed.</returns>
    public IReadOnlyDictionary<ulong, double> Clean(string method, KeptWeights? weights = null) =>
        Evaluations(method, attack: null, weights).ToDictionary(pair => pair.Key, pair => pair.Value.CleanAccuracy);

    /// <summary>The evaluation of each seed for which there is one: under an attack, or for null the one on the most images.</summary>
    internal SortedDictionary<ulong, RunEvaluation> Evaluations(string method, string? attack, KeptWeights? weights = null)
    {
        var asked = weights ?? Plan.Method(method).Report;
        var found = new SortedDictionary<ulong, RunEvaluation>();
        foreach (var seed in Plan.Seeds)
        {
            var ofSeed = Find(method, seed)?.Evaluations.Where(evaluation => evaluation.Weights == asked);
            var evaluation = attack is null
                ? ofSeed?.MaxBy(each => each.Images)
                : ofSeed?.FirstOrDefault(each => each.Attack == attack);
            if (evaluation is not null) found.Add(seed, evaluation);
        }
        return found;
    }

    private static RunRecord? Read(ExperimentPlan plan, string folder, ExperimentMethod method, ulong seed)
    {
        var path = RunFolder.RecordOf(folder, method.Name, seed);
        if (!File.Exists(path)) return null;
        var record = RunRecord.Load(path);
        var expected = RunIdentityText.OfPlan(plan, seed).Where(pair => record.Identity.ContainsKey(pair.Key)).ToDictionary();
        var saved = record.Identity.Where(pair => expected.ContainsKey(pair.Key)).ToDictionary();
        ResumeGuard.EnsureSame(saved, expected, path, "Report it with its own plan.");
        // The name may have been changed since, in the plan and of the folder.
        return record with { Method = method.Name };
    }
}

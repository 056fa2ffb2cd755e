namespace Ardir.Distillation;

/// <summary>Estimates how long the rest of a plan takes, from the runs that are done.</summary>
/// <param name="records">The records so far.</param>
internal sealed class PlanClock(IEnumerable<RunRecord> records)
{
    private readonly List<RunRecord> _finished = [.. records.Where(record => record.Outcome == RunOutcome.Finished)];

    /// <summary>The time of the runs that are left. One that is not trained takes as long as others of its method, or as those of all
    /// methods; one that is trained takes its missing attacks.</summary>
    /// <param name="open">The runs.</param>
    /// <param name="training">How long a training takes, as far as the first one tells; null when it cannot be told yet.</param>
    /// <returns>Their time; null while nothing is known.</returns>
    public TimeSpan? Of(IReadOnlyList<OpenRun> open, TimeSpan? training)
    {
        var times = _finished.GroupBy(record => record.Method)
            .ToDictionary(group => group.Key, group => group.Average(record => Of(record).TotalSeconds));
        if (times.Count == 0) return training * open.Count;
        var mean = times.Values.Average();
        return TimeSpan.FromSeconds(open.Sum(run => run.Attacks is { } attacks
            ? attacks.Sum(Attack)
            : times.GetValueOrDefault(run.Run.Method.Name, mean)));
    }

    /// <summary>Time of training and of all attacks.</summary>
    public static TimeSpan Of(RunRecord record) =>
        record.Evaluations.Aggregate(record.TrainingTime, (sum, evaluation) => sum + evaluation.Elapsed);

    private double Attack(string name)
    {
        var all = _finished.SelectMany(record => record.Evaluations).ToList();
        var same = all.FindAll(evaluation => evaluation.Attack == name);
        return (same.Count > 0 ? same : all).Select(evaluation => evaluation.Elapsed.TotalSeconds).DefaultIfEmpty(0).Average();
    }
}

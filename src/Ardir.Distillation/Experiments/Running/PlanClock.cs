namespace Ardir.Distillation;

/// <summary>Estimates how long the rest of a plan takes, from the runs that are done.</summary>
internal static class PlanClock
{
    /// <summary>The time that a run takes, by its method if one of it is done, otherwise the mean of all methods.</summary>
    /// <param name="records">The records so far.</param>
    /// <param name="open">Methods of the runs that are left, without the present one.</param>
    /// <param name="present">What is left of the present run; null when it cannot be told yet.</param>
    /// <returns>The rest of the plan; null while nothing is known.</returns>
    public static TimeSpan? Remaining(IEnumerable<RunRecord> records, IEnumerable<string> open, TimeSpan? present)
    {
        var times = records.Where(record => record.Outcome == RunOutcome.Finished).GroupBy(record => record.Method)
            .ToDictionary(group => group.Key, group => group.Average(record => Of(record).TotalSeconds));
        if (times.Count == 0) return present;
        var mean = times.Values.Average();
        return TimeSpan.FromSeconds(open.Sum(method => times.GetValueOrDefault(method, mean))) + (present ?? TimeSpan.Zero);
    }

    /// <summary>Time of training and of all attacks.</summary>
    public static TimeSpan Of(RunRecord record) =>
        record.Evaluations.Aggregate(record.TrainingTime, (sum, evaluation) => sum + evaluation.Elapsed);
}

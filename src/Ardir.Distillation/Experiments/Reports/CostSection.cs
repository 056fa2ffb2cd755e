namespace Ardir.Distillation;

/// <summary>What the runs cost, and where they were computed.</summary>
internal static class CostSection
{
    public static void Add(ReportPage page, ReportStudy study)
    {
        var methods = study.Plan.Methods.Where(method => study.RecordsOf(method).Any(record => record.Epochs.Count > 0)).ToList();
        if (methods.Count > 0)
        {
            page.Heading("Cost")
                .Paragraph("Wall time per run in minutes: mean ± standard deviation over the runs that finished. A sample evaluation is an "
                    + $"image passed forward or backward by an attack. All runs together: {Total(study)}.")
                .Table(["Method", "Training", "Attacks", "Sample evaluations"], [.. methods.Select(method => Row(study, method))]);
        }
        var environments = study.Records.GroupBy(record => record.Environment).Select(group =>
            $"{ReportText.Count(group.Count(), "run")}: {Text(group.Key)}").ToList();
        if (environments.Count == 0) return;
        page.Heading("Environment");
        if (environments.Count > 1) page.Paragraph("The runs were computed in different places, whose kernels round differently.");
        page.List(environments);
    }

    private static string[] Row(ReportStudy study, ExperimentMethod method)
    {
        var runs = study.RecordsOf(method).Where(record => record.Epochs.Count > 0).ToList();
        var evaluations = runs.Average(record => record.Evaluations.Sum(evaluation => (double)evaluation.SampleEvaluations));
        return [method.Name, Minutes(runs, record => record.TrainingTime), Minutes(runs, Attacking), ReportText.Whole((long)evaluations)];
    }

    private static string Minutes(List<RunRecord> runs, Func<RunRecord, TimeSpan> read)
    {
        var statistics = SampleStatistics.Of(runs.Select(record => read(record).TotalMinutes));
        var mean = ReportText.Number(statistics.Mean, "0.0");
        return statistics.StandardDeviation is { } deviation ? $"{mean} ± {ReportText.Number(deviation, "0.0")}" : mean;
    }

    private static string Total(ReportStudy study)
    {
        var time = study.Records.Aggregate(TimeSpan.Zero, (sum, record) => sum + record.TrainingTime + Attacking(record));
        return $"{ReportText.Number(time.TotalHours, "0.0")} hours";
    }

    private static TimeSpan Attacking(RunRecord record) =>
        record.Evaluations.Aggregate(TimeSpan.Zero, (sum, evaluation) => sum + evaluation.Elapsed);

    private static string Text(RunEnvironment environment) =>
        $"{environment.Device}, {ReportText.Count(environment.Threads, "thread")}, {environment.System}, "
        + $"TorchSharp {environment.TorchSharp}, Ardir {environment.Ardir}";
}

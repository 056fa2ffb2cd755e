namespace Ardir.Distillation;

/// <summary>What is done, what is missing and what went wrong.</summary>
internal static class StateSection
{
    /// <summary>How many runs there are, in a sentence.</summary>
    public static string Summary(ReportStudy study)
    {
        var runs = study.Plan.Methods.Count * study.Plan.Seeds.Count;
        var finished = study.Records.Where(record => record.Outcome == RunOutcome.Finished).ToList();
        var complete = finished.Count(study.IsAttacked);
        if (complete == runs) return $"All {ReportText.Count(runs, "run")} are complete.";
        List<string> parts = [$"{complete} of {ReportText.Count(runs, "run")} complete"];
        Note(finished.Count - complete, "trained, with attacks still to run");
        Note(study.Records.Count(record => record.Outcome == RunOutcome.Diverged), "diverged");
        Note(study.Records.Count(record => record.Outcome == RunOutcome.TeacherDiverged), "not begun because the teacher diverged");
        Note(study.Results.Missing, "missing");
        return string.Join("; ", parts) + ".";

        void Note(int count, string what)
        {
            if (count > 0) parts.Add($"{count} {what}");
        }
    }

    /// <summary>Lists the runs that have no accuracy.</summary>
    public static void Add(ReportPage page, ReportStudy study)
    {
        var failed = study.Records.Where(record => record.Outcome != RunOutcome.Finished)
            .Select(record => $"{record.Method}, seed {record.Seed}: "
                + $"{(record.Outcome == RunOutcome.Diverged ? "diverged" : "teacher diverged")}. {record.Message}");
        var missing = study.Plan.Methods
            .Select(method => (method.Name, Seeds: study.Plan.Seeds.Where(seed => study.Results.Find(method.Name, seed) is null).ToList()))
            .Where(pair => pair.Seeds.Count > 0)
            .GroupBy(pair => string.Join(", ", pair.Seeds))
            .Select(group => $"No record of seed {group.Key}: {string.Join(", ", group.Select(pair => pair.Name))}.");
        List<string> lines = [.. failed.Select(line => line.TrimEnd()), .. missing];
        if (lines.Count == 0) return;
        page.Heading("Runs without a result")
            .Paragraph("No seed is left out of the plan. A diverged network has no accuracy, so means are over the seeds that finished.")
            .List(lines);
    }

    /// <summary>Lists what the evaluations doubt.</summary>
    public static void AddFindings(ReportPage page, ReportStudy study)
    {
        var findings = study.Records
            .SelectMany(record => record.Evaluations.SelectMany(evaluation => evaluation.Findings.Select(finding =>
                $"{record.Method}, seed {record.Seed}, {evaluation.Attack}, {ReportText.Name(evaluation.Weights)}: {finding}")))
            .ToList();
        if (findings.Count == 0) return;
        page.Heading("Findings of the evaluations").Paragraph("Where an evaluation found a reason to doubt its own figure.").List(findings);
    }
}

namespace Ardir.Distillation;

/// <summary>The main table, Table 2 or 3 of the paper: methods against clean accuracy and attacks, the paper's value beside each.</summary>
internal static class ResultSection
{
    public static void Add(ReportPage page, ReportStudy study)
    {
        var plan = study.Plan;
        string?[] columns = [null, .. plan.Attacks.Select(attack => attack.Name)];
        // A column with a figure of the paper shows it in brackets, so that the table stays narrow enough to be read at once.
        var withPaper = columns.Select(attack => plan.Methods.Any(method => Paper(plan, method, attack) is not null)).ToArray();
        var headers = columns.Select((attack, i) => (attack ?? "Clean") + (withPaper[i] ? " (paper)" : ""));
        var rows = plan.Methods.Select(method => (string[])
            [method.Name, study.Seeds(method), .. columns.Select((attack, i) => Cell(study, method, attack, withPaper[i]))]);
        page.Table(["Method", "Seeds", .. headers], [.. rows]).Paragraph(Legend(study, withPaper.Any(with => with)));
    }

    private static string Cell(ReportStudy study, ExperimentMethod method, string? attack, bool withPaper)
    {
        var cell = study.Cell(method, attack is null ? study.Clean(method) : study.Robust(method, attack));
        return withPaper && Paper(study.Plan, method, attack) is { } paper ? $"{cell} ({ReportText.Number(paper, "0.00")})" : cell;
    }

    private static double? Paper(ExperimentPlan plan, ExperimentMethod method, string? attack) =>
        PaperFigures.Find(plan.Data.Dataset, method.Name, attack);

    private static string Legend(ReportStudy study, bool withPaper)
    {
        var plan = study.Plan;
        var text = "Accuracy on test images in percent: mean ± standard deviation over the seeds. "
            + Weights(plan) + Images(study);
        if (!withPaper) return text;
        var differences = PaperFigures.Differences(plan, study.TrainingImages);
        var table = PaperFigures.TableName(plan.Data.Dataset);
        return text + $" In brackets: {table} of the ARDIR paper, at full scale, one run each. " + (differences.Count == 0
            ? "This plan has the paper's scale."
            : $"This plan differs from the paper in {string.Join(", ", differences)}, so compare the order of methods, not the digits.");
    }

    private static string Weights(ExperimentPlan plan)
    {
        var others = plan.Methods.Where(method => method.Report != KeptWeights.Best)
            .GroupBy(method => method.Report)
            .Select(group => $"{ReportText.Name(group.Key)}: {string.Join(", ", group.Select(method => method.Name))}").ToList();
        return "Weights of the best epoch" + (others.Count == 0 ? "." : $", except {string.Join("; ", others)}.");
    }

    private static string Images(ReportStudy study)
    {
        var counts = study.Plan.Attacks.Select(attack => (attack.Name, Counts: study.Records
            .SelectMany(record => record.Evaluations).Where(evaluation => evaluation.Attack == attack.Name)
            .Select(evaluation => evaluation.Images).Distinct().Order().ToList())).Where(pair => pair.Counts.Count > 0).ToList();
        if (counts.Count == 0) return "";
        var texts = counts.ConvertAll(pair => string.Join(" or ", pair.Counts.Select(count => ReportText.Whole(count))));
        return texts.Distinct().Count() == 1
            ? $" {texts[0]} test images."
            : $" Test images: {string.Join(", ", counts.Select((pair, i) => $"{pair.Name} {texts[i]}"))}.";
    }
}

namespace Ardir.Distillation;

/// <summary>The teachers, as in Table 1 of the paper: accuracy on images of the training, on those of the selection, and on test
/// images.</summary>
internal static class TeacherSection
{
    public static void Add(ReportPage page, ReportStudy study)
    {
        var plan = study.Plan;
        var teachers = plan.Methods.Where(method => study.Teachers.Contains(method.Name) && study.RecordsOf(method).Any()).ToList();
        if (teachers.Count == 0) return;
        var attacks = plan.Attacks.Select(attack => attack.Name).ToList();
        List<IReadOnlyList<string>> rows = [.. teachers.Select(method => (IReadOnlyList<string>)
        [
            method.Name, study.Cell(method, Epochs(study, method, (_, record) => record.Epochs[^1].TrainAccuracy)),
            study.Cell(method, Epochs(study, method, (epoch, _) => Clean(method, epoch))),
            study.Cell(method, Epochs(study, method, (epoch, _) => Robust(method, epoch))),
            study.Cell(method, study.Clean(method)), .. attacks.Select(attack => study.Cell(method, study.Robust(method, attack))),
        ])];
        var paper = PaperFigures.TeacherTraining(plan.Data.Dataset);
        if (paper is { } training) rows.Add(Paper(plan, training, attacks));
        var selection = plan.Data.ValidationImages == 0 ? "Selection on test images" : "Validation";
        page.Heading("Teachers").Paragraph(
                "Training accuracy is that of the last epoch, in train mode, on the images of the training steps: adversarial ones for an "
                + "adversarially trained teacher. The other figures belong to the weights that taught"
                + (paper is null ? "." : "; the paper's are those of Table 1, whose training accuracy is under PGD."))
            .Table(["Teacher", "Training", $"{selection}: clean", $"{selection}: PGD-{plan.Recipe.SelectionSteps}", "Test: clean",
                .. attacks.Select(attack => $"Test: {attack}")], rows);
    }

    private static string[] Paper(ExperimentPlan plan, (double Clean, double Robust) training, List<string> attacks) =>
    [
        "Paper, SAT", ReportText.Number(training.Robust, "0.00"), ReportText.None, ReportText.None,
        .. attacks.Prepend(null).Select(attack =>
            PaperFigures.Find(plan.Data.Dataset, "SAT", attack) is { } value ? ReportText.Number(value, "0.00") : ReportText.None),
    ];

    private static double? Clean(ExperimentMethod method, EpochMetrics epoch) =>
        method.Report == KeptWeights.Average ? epoch.AverageCleanAccuracy : epoch.CleanAccuracy;

    private static double? Robust(ExperimentMethod method, EpochMetrics epoch) =>
        method.Report == KeptWeights.Average ? epoch.AverageRobustAccuracy : epoch.RobustAccuracy;

    private static SampleStatistics? Epochs(ReportStudy study, ExperimentMethod method, Func<EpochMetrics, RunRecord, double?> read) =>
        SampleStatistics.Try(study.RecordsOf(method)
            .Select(record => ReportStudy.Reported(method, record) is { } epoch ? read(epoch, record) : null).OfType<double>());
}

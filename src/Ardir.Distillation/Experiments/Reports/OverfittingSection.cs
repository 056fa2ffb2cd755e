namespace Ardir.Distillation;

/// <summary>Robust overfitting: best against last epoch, and the average where there is one.</summary>
internal static class OverfittingSection
{
    public static void Add(ReportPage page, ReportStudy study)
    {
        if (Attack(study) is not { } attack) return;
        var methods = study.Plan.Methods.Where(method => Differences(study, method, attack).Count > 0).ToList();
        var hasAverage = methods.Exists(method => study.Robust(method, attack, KeptWeights.Average) is not null);
        string[] averages = hasAverage ? ["Average"] : [];
        page.Heading("Best against last epoch")
            .Paragraph($"Robust accuracy under {attack} in percent. The difference is the mean over seeds, in points, with its standard "
                + "deviation: what is lost by training to the end. Best epoch counts from 1.")
            .Table(["Method", "Best epoch", "Best", "Last", .. averages, "Best - last"], [.. methods.Select(method => (string[])
            [
                method.Name, Epoch(study, method), Cell(method, KeptWeights.Best), Cell(method, KeptWeights.Last),
                .. averages.Select(_ => Cell(method, KeptWeights.Average)),
                study.Cell(method, SampleStatistics.Of(Differences(study, method, attack))),
            ])]);

        string Cell(ExperimentMethod method, KeptWeights weights) => study.Cell(method, study.Robust(method, attack, weights));
    }

    // The main attack need not have been run on all weights; plans name weak attacks first.
    private static string? Attack(ReportStudy study) => study.Plan.Attacks.Select(attack => attack.Name).Reverse()
        .OrderByDescending(name => name == study.MainAttack)
        .FirstOrDefault(name => study.Plan.Methods.Any(method => Differences(study, method, name).Count > 0));

    private static List<double> Differences(ReportStudy study, ExperimentMethod method, string attack)
    {
        var last = study.Results.Robust(method.Name, attack, KeptWeights.Last);
        return [.. study.Results.Robust(method.Name, attack, KeptWeights.Best).Where(pair => last.ContainsKey(pair.Key))
            .Select(pair => pair.Value - last[pair.Key])];
    }

    private static string Epoch(ReportStudy study, ExperimentMethod method)
    {
        var runs = study.RecordsOf(method).Where(record => record.Epochs.Count > 0);
        var epochs = runs.Select(record => record.BestEpoch + 1).Order().ToList();
        return epochs.Count == 0 ? ReportText.None : epochs[0] == epochs[^1] ? $"{epochs[0]}" : $"{epochs[0]} to {epochs[^1]}";
    }
}

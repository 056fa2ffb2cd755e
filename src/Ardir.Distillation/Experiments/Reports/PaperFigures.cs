namespace Ardir.Distillation;

/// <summary>What the ARDIR paper reports, in percent: Table 2 (CIFAR-10) and 3 (SVHN), PreActResNet-18, Linf 8/255, one run each. It
/// quotes its row of IAD-II from the source of IAD, whose FGSM starts at random.</summary>
internal static class PaperFigures
{
    // Clean, FGSM, PGD-20, AutoAttack. The best beta of each table is in PaperBetas.
    private static readonly Dictionary<string, double[]> _cifar10 = new(StringComparer.Ordinal)
    {
        ["SAT"] = [80.94, 56.57, 52.29, 47.87],
        ["ARD-CC"] = [81.77, 57.12, 52.57, 48.00],
        ["ARD-RC"] = [83.14, 60.57, 53.96, 48.24],
        ["ARD-RA"] = [82.46, 61.83, 58.34, 47.21],
        ["IAD-I"] = [85.68, 60.05, 52.31, 48.47],
        ["IAD-II"] = [83.21, 63.54, 51.85, 48.58],
        ["ARDIR-CC"] = [85.56, 60.49, 52.14, 49.01],
        ["ARDIR-RC"] = [82.67, 60.42, 54.79, 50.14],
        ["ARDIR-RA"] = [81.77, 58.77, 55.25, 47.56],
    };

    private static readonly Dictionary<string, double[]> _svhn = new(StringComparer.Ordinal)
    {
        ["SAT"] = [90.67, 61.75, 52.47, 44.94],
        ["ARD-CC"] = [89.77, 60.97, 51.50, 44.11],
        ["ARD-RC"] = [90.34, 63.56, 52.57, 46.83],
        ["ARD-RA"] = [91.13, 64.53, 56.00, 44.54],
        ["ARDIR-CC"] = [92.99, 66.76, 54.50, 47.30],
        ["ARDIR-RC"] = [91.14, 65.86, 57.47, 49.44],
        ["ARDIR-RA"] = [90.89, 64.62, 56.95, 47.79],
    };

    private static readonly string[] _columns = ["FGSM", "PGD-20", "AutoAttack"];

    /// <summary>The figure of a method in percent, or null if the paper has none.</summary>
    /// <param name="dataset">The data set.</param>
    /// <param name="method">Name of the method as in <see cref="PaperPlans"/>.</param>
    /// <param name="attack">Name of the attack; null for the clean accuracy.</param>
    public static double? Find(ExperimentDataset dataset, string method, string? attack)
    {
        var row = Table(dataset)?.GetValueOrDefault(Row(dataset, method));
        var column = attack is null ? 0 : Array.IndexOf(_columns, attack) + 1;
        return row is null || (attack is not null && column == 0) ? null : row[column];
    }

    /// <summary>Accuracy of the teacher of Table 1 on its training images in percent, clean and under PGD; null without such a
    /// table.</summary>
    public static (double Clean, double Robust)? TeacherTraining(ExperimentDataset dataset) => dataset switch
    {
        ExperimentDataset.Cifar10 => (85.28, 59.27), ExperimentDataset.Svhn => (93.76, 65.44), _ => null,
    };

    /// <summary>The table of the paper that compares methods; empty without one.</summary>
    public static string TableName(ExperimentDataset dataset) => dataset switch
    {
        ExperimentDataset.Cifar10 => "Table 2", ExperimentDataset.Svhn => "Table 3", _ => "",
    };

    /// <summary>In what a plan differs from the paper's setting, in words; empty at full scale.</summary>
    /// <param name="plan">The plan.</param>
    /// <param name="trainingImages">Images that the runs trained on; null when it is not known. The data may have been a part.</param>
    public static IReadOnlyList<string> Differences(ExperimentPlan plan, int? trainingImages)
    {
        var all = plan.Data.Dataset == ExperimentDataset.Svhn ? 73_257 : 50_000;
        var paper = PaperScale.Plan(plan.Data.Dataset, ExperimentScale.Full, "");
        var (recipe, usual) = (plan.Recipe, paper.Recipe);
        List<string> differences = [];
        Note(!plan.Network.Widths.SequenceEqual(paper.Network.Widths) || plan.Network.BlocksPerStage != paper.Network.BlocksPerStage
            || plan.Network.FirstStride != paper.Network.FirstStride, "the network");
        Note((trainingImages ?? plan.Data.TrainImages ?? all) != all, "the number of training images");
        Note(plan.Data.TestImages is not null || plan.Attacks.Any(attack => attack.Images is not null), "the number of test images");
        Note(plan.Data.ValidationImages != 0, "the images on which the best epoch is chosen");
        Note(recipe.Epochs != usual.Epochs || !recipe.Milestones.SequenceEqual(usual.Milestones), "the epochs");
        Note(recipe with { Epochs = usual.Epochs, Milestones = usual.Milestones } != usual, "other parts of the recipe");
        Note(plan.Threat != paper.Threat, "the threat model");
        return differences;

        void Note(bool differs, string what)
        {
            if (differs) differences.Add(what);
        }
    }

    private static string Row(ExperimentDataset dataset, string method)
    {
        // The paper's SAT is its teacher: the same network trained in the same way.
        if (method == "SAT teacher") return "SAT";
        // The tables show the best beta, which a sweep has in its names.
        var betas = PaperBetas.Of(dataset);
        (string Row, double Beta)[] best =
            [("ARDIR-CC", betas.CleanClean), ("ARDIR-RC", betas.RobustClean), ("ARDIR-RA", betas.RobustAdversarial)];
        return Array.Find(best, pair => method == FormattableString.Invariant($"{pair.Row} {pair.Beta}")).Row ?? method;
    }

    private static Dictionary<string, double[]>? Table(ExperimentDataset dataset) => dataset switch
    {
        ExperimentDataset.Cifar10 => _cifar10, ExperimentDataset.Svhn => _svhn, _ => null,
    };
}

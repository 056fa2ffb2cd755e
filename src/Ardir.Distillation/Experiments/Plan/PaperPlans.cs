namespace Ardir.Distillation;

/// <summary>The plans of the ARDIR paper: its comparison of methods, its sweep over beta, and the questions that it leaves open. Each is a
/// start; print it, edit it and run what you need.</summary>
public static class PaperPlans
{
    private const string StandardTeacher = "Standard";
    private const string RobustTeacher = "SAT teacher";

    /// <summary>The comparison of methods: Table 2 (CIFAR-10) or 3 (SVHN) of the paper, with SAT from the students' initial weights,
    /// TRADES, RSLAD and AKD2 besides.</summary>
    /// <param name="dataset">The data set.</param>
    /// <param name="scale">The paper's scale, or one for two processor cores.</param>
    public static ExperimentPlan Comparison(ExperimentDataset dataset, ExperimentScale scale)
    {
        var plan = PaperScale.Plan(dataset, scale, "methods");
        var epochs = plan.Recipe.Epochs;
        var betas = PaperBetas.Of(dataset);
        return plan with
        {
            Methods =
            [
                .. Teachers(),
                new ExperimentMethod { Name = "SAT", Loss = "sat" },
                new ExperimentMethod { Name = "TRADES", Loss = "trades" },
                Ard("ARD-CC", TeacherData.CleanClean, 1),
                ArdRobustClean(dataset),
                Ard("ARD-RA", TeacherData.RobustAdversarial, 1),
                new ExperimentMethod { Name = "RSLAD", Loss = "rslad", Teacher = RobustTeacher },
                // Begins and averages at the epochs of its source, 60 and 55 of 200, in proportion.
                new ExperimentMethod
                {
                    Name = "IAD-I", Loss = "iad", Teacher = RobustTeacher, Settings = MethodSettings.Empty.With("begin", epochs * 60 / 200),
                },
                new ExperimentMethod
                {
                    Name = "AKD2", Loss = "akd2", Teacher = RobustTeacher, StandardTeacher = StandardTeacher,
                    AverageFrom = epochs * 55 / 200, Report = KeptWeights.Average,
                },
                Ardir("ARDIR-CC", TeacherData.CleanClean, betas.CleanClean),
                Ardir("ARDIR-RC", TeacherData.RobustClean, betas.RobustClean),
                Ardir("ARDIR-RA", TeacherData.RobustAdversarial, betas.RobustAdversarial),
            ],
        };
    }

    /// <summary>The sweep over beta for CC, RC and RA: Figures 2 and 3 of the paper.</summary>
    /// <param name="dataset">The data set.</param>
    /// <param name="scale">The paper's scale, or one for two processor cores.</param>
    public static ExperimentPlan BetaSweep(ExperimentDataset dataset, ExperimentScale scale) => PaperScale.Plan(dataset, scale, "beta") with
    {
        Methods =
        [
            .. Teachers(),
            .. new[] { TeacherData.CleanClean, TeacherData.RobustClean, TeacherData.RobustAdversarial }
                .SelectMany(data => PaperBetas.Sweep.Select(beta => Ardir(SweepName(data, beta), data, beta))),
        ],
    };

    /// <summary>What the paper leaves open (docs/ardir.md): each other reading of ARDIR-RC beside the default.</summary>
    /// <param name="dataset">The data set.</param>
    /// <param name="scale">The paper's scale, or one for two processor cores.</param>
    public static ExperimentPlan OpenQuestions(ExperimentDataset dataset, ExperimentScale scale)
    {
        var standard = Ardir("ARDIR-RC", TeacherData.RobustClean, PaperBetas.Of(dataset).RobustClean);
        return PaperScale.Plan(dataset, scale, "questions") with
        {
            Methods =
            [
                .. Teachers(),
                new ExperimentMethod { Name = "SAT", Loss = "sat" },
                ArdRobustClean(dataset),
                standard,
                Other("spatial sum", settings => settings.With("normalization", FeatureNormalization.SpatialSum)),
                Other("after ReLU", settings => settings.With("layers", "layer*.0.relu1", "relu")),
                standard with { Name = "ARDIR-RC train mode", CraftInTrainMode = true },
                Other("kept labels", settings => settings.With("labelReplacement", LabelReplacement.None)),
                Other("masked", settings => settings.With("maskFeaturesOfWrongTeacher", true)),
                Other("t 30", settings => settings.With("temperature", 30)),
                Other("first stage", settings => settings.With("layers", "layer1")),
                Other("last stage", settings => settings.With("layers", PaperScale.LastStage(dataset, scale))),
            ],
        };

        ExperimentMethod Other(string name, Func<MethodSettings, MethodSettings> change) =>
            standard with { Name = $"{standard.Name} {name}", Settings = change(standard.Settings) };
    }

    private static ExperimentMethod[] Teachers() =>
    [
        new ExperimentMethod { Name = StandardTeacher, Loss = "standard", InitialWeights = "standard teacher", Report = KeptWeights.Last },
        new ExperimentMethod { Name = RobustTeacher, Loss = "sat", InitialWeights = "robust teacher" },
    ];

    // The temperature of Table 3 is 30 here, and 1 elsewhere.
    private static ExperimentMethod ArdRobustClean(ExperimentDataset dataset) =>
        Ard("ARD-RC", TeacherData.RobustClean, dataset == ExperimentDataset.Svhn ? 30 : 1);

    private static ExperimentMethod Ard(string name, TeacherData data, double temperature) => new()
    {
        Name = name, Loss = "ard", Teacher = TeacherOf(data),
        Settings = MethodSettings.Empty.With("teacherData", data).With("temperature", temperature),
    };

    private static ExperimentMethod Ardir(string name, TeacherData data, double beta) => new()
    {
        Name = name, Loss = "ardir", Teacher = TeacherOf(data),
        Settings = MethodSettings.Empty.With("teacherData", data).With("beta", beta),
    };

    private static string TeacherOf(TeacherData data) => data == TeacherData.CleanClean ? StandardTeacher : RobustTeacher;

    private static string SweepName(TeacherData data, double beta) => FormattableString.Invariant($"ARDIR-{Short(data)} {beta}");

    private static string Short(TeacherData data) => data switch
    {
        TeacherData.CleanClean => "CC", TeacherData.RobustClean => "RC", _ => "RA",
    };
}

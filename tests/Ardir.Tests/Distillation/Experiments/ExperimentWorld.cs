using Ardir.Distillation;

namespace Ardir.Tests;

/// <summary>A plan that is carried out in a second, on the images of <see cref="TrainingWorld"/>.</summary>
internal static class ExperimentWorld
{
    public static ExperimentPlan Plan() => new()
    {
        Name = "tiny",
        Data = new ExperimentData { Dataset = ExperimentDataset.Fashion },
        Network = new ExperimentNetwork { Widths = [4, 8], BlocksPerStage = 1 },
        Threat = new ExperimentThreat { Epsilon = TrainingWorld.Epsilon },
        Recipe = new ExperimentRecipe { Epochs = 2, BatchSize = 16, LearningRate = 0.05, Milestones = [1], AttackSteps = 2, SelectionSteps = 2 },
        Methods =
        [
            // The student stands before its teacher on purpose.
            new ExperimentMethod { Name = "ARDIR", Loss = "ardir", Teacher = "teacher", Settings = MethodSettings.Empty.With("beta", 0.5) },
            new ExperimentMethod { Name = "teacher", Loss = "sat", InitialWeights = "teacher" },
        ],
        Attacks = [new ExperimentAttack { Name = "PGD-3" }],
        Seeds = [1, 2],
    };

    /// <summary>The same on real images, with a network that is trained in a second.</summary>
    public static ExperimentPlan PlanOnClothes() => Plan() with
    {
        Name = "tiny on clothes",
        Data = new ExperimentData { Dataset = ExperimentDataset.Fashion, TrainImages = 40, ValidationImages = 20, TestImages = 20 },
        Network = new ExperimentNetwork { Widths = [2, 4], BlocksPerStage = 1, FirstStride = 2 },
    };

    /// <summary>Images, which the caller disposes with the data sets in them.</summary>
    public static ExperimentImages Images(out IDisposable[] owned)
    {
        var (train, validation, test) = (TrainingWorld.Data(), TrainingWorld.Data(20, seed: 2), TrainingWorld.Data(24, seed: 3));
        owned = [train, validation, test];
        return new ExperimentImages(train, validation, test);
    }

    /// <summary>Carries out a plan.</summary>
    public static ExperimentResults Run(
        ExperimentPlan plan, string folder, ExperimentOptions? options = null, IProgress<ExperimentProgress>? progress = null,
        CancellationToken cancellation = default)
    {
        using var images = Images(out var owned);
        try
        {
            var quick = (options ?? new ExperimentOptions()) with { PollInterval = TimeSpan.FromMilliseconds(20) };
            return new ExperimentRunner(plan, images, folder, quick).Run(progress, cancellation);
        }
        finally
        {
            foreach (var dataset in owned) dataset.Dispose();
        }
    }
}

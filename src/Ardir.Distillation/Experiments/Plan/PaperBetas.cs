namespace Ardir.Distillation;

/// <summary>The shares of the feature distance that the paper found best, and those that it tried.</summary>
internal sealed record PaperBetas(double CleanClean, double RobustClean, double RobustAdversarial)
{
    /// <summary>The values of Figures 2 and 3. With 1 the student learns from no label at all, so the sweep ends before.</summary>
    public static IReadOnlyList<double> Sweep { get; } = [0, 0.1, 0.2, 0.4, 0.6, 0.8, 0.9];

    // Where the paper has no figures, those of CIFAR-10.
    public static PaperBetas Of(ExperimentDataset dataset) =>
        dataset == ExperimentDataset.Svhn ? new(0.2, 0.8, 0.2) : new(0.4, 0.6, 0.1);
}

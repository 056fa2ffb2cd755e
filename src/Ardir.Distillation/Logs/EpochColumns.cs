namespace Ardir.Distillation;

/// <summary>The columns that a log shows of an epoch, in the same order for every kind of log, so that a new metric is one row
/// here.</summary>
internal static class EpochColumns
{
    /// <summary>Prefix for the names of a loss's parts, which a loss chooses freely and which could be the name of another
    /// column.</summary>
    public const string TermPrefix = "terms.";

    public const string Epoch = "epoch";

    /// <summary>The columns that every run has; the value is null where nothing was measured.</summary>
    public static IReadOnlyList<(string Name, Func<EpochMetrics, double?> Value)> Fixed { get; } =
    [
        ("learning_rate", epoch => epoch.LearningRate),
        ("train_loss", epoch => epoch.TrainLoss),
        ("train_accuracy", epoch => epoch.TrainAccuracy),
        ("clean_accuracy", epoch => epoch.CleanAccuracy),
        ("robust_accuracy", epoch => epoch.RobustAccuracy),
        ("average_clean_accuracy", epoch => epoch.AverageCleanAccuracy),
        ("average_robust_accuracy", epoch => epoch.AverageRobustAccuracy),
        ("skipped_steps", epoch => epoch.SkippedSteps),
        ("seconds", epoch => epoch.Elapsed.TotalSeconds),
    ];

    /// <summary>The parts of the loss in any of the epochs, in alphabetical order: a loss need not have every part in every
    /// epoch.</summary>
    public static IReadOnlyList<string> Terms(IReadOnlyList<EpochMetrics> epochs) =>
        [.. epochs.SelectMany(epoch => epoch.Terms.Keys).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)];
}

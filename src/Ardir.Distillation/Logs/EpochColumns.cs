namespace Ardir.Distillation;

/// <summary>What a log shows of an epoch, in one order for every kind of log. A new kind of log walks these; a new metric is one row here.</summary>
internal static class EpochColumns
{
    /// <summary>Before the names of a loss's parts, which a loss is free to choose.</summary>
    public const string TermPrefix = "terms.";

    public const string Epoch = "epoch";

    /// <summary>The columns that every run has; null where there is no such measurement.</summary>
    public static IReadOnlyList<(string Name, Func<EpochMetrics, double?> Value)> Fixed { get; } =
    [
        ("learning_rate", epoch => epoch.LearningRate),
        ("train_loss", epoch => epoch.TrainLoss),
        ("train_accuracy", epoch => epoch.TrainAccuracy),
        ("clean_accuracy", epoch => epoch.CleanAccuracy),
        ("robust_accuracy", epoch => epoch.RobustAccuracy),
        ("seconds", epoch => epoch.Elapsed.TotalSeconds),
    ];

    /// <summary>The parts of the loss in any of the epochs, in a fixed order: a loss need not have every part in every epoch.</summary>
    public static IReadOnlyList<string> Terms(IReadOnlyList<EpochMetrics> epochs) =>
        [.. epochs.SelectMany(epoch => epoch.Terms.Keys).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)];
}

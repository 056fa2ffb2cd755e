using System.Diagnostics;
using System.Diagnostics.Metrics;
using Ardir.Core;

namespace Ardir.Distillation;

/// <summary>The metrics and activities that a trainer emits.</summary>
internal static class TrainingInstruments
{
    private static readonly Counter<long> _samples =
        ArdirDiagnostics.Meter.CreateCounter<long>("ardir.training.samples", "{sample}", "Samples trained on.");

    private static readonly Counter<long> _steps =
        ArdirDiagnostics.Meter.CreateCounter<long>("ardir.training.steps", "{step}", "Training steps.");

    private static readonly Counter<long> _epochs =
        ArdirDiagnostics.Meter.CreateCounter<long>("ardir.training.epochs", "{epoch}", "Epochs trained and evaluated.");

    private static readonly Gauge<double> _loss =
        ArdirDiagnostics.Meter.CreateGauge<double>("ardir.training.loss", "1", "Mean training loss of the epoch so far.");

    /// <summary>Whether anything listens for the loss. It is on the device, and reading it waits for the device.</summary>
    public static bool WantsLoss => _loss.Enabled;

    public static void Loss(double value) => _loss.Record(value);

    public static void Step(int samples)
    {
        _samples.Add(samples);
        _steps.Add(1);
    }

    public static Activity? StartFit(IDistillationLoss loss, TrainerOptions options, ImageDataset train) =>
        !ArdirDiagnostics.Source.HasListeners()
            ? null
            : ArdirDiagnostics.Source.StartActivity("ardir.fit")?
                .SetTag("ardir.loss", loss.Name)
                .SetTag("ardir.epochs", options.Epochs)
                .SetTag("ardir.samples", train.Count)
                .SetTag("ardir.batch_size", options.BatchSize)
                .SetTag("ardir.seed", options.Seed.ToString(System.Globalization.CultureInfo.InvariantCulture));

    public static Activity? StartEpoch(int epoch) => !ArdirDiagnostics.Source.HasListeners()
        ? null
        : ArdirDiagnostics.Source.StartActivity("ardir.epoch")?.SetTag("ardir.epoch", epoch);

    public static void EpochDone(Activity? activity, EpochMetrics metrics)
    {
        _epochs.Add(1);
        ArdirDiagnostics.RecordAccuracy("train", metrics.TrainAccuracy);
        Accuracy("clean", metrics.CleanAccuracy);
        Accuracy("robust", metrics.RobustAccuracy);
        Accuracy("average_clean", metrics.AverageCleanAccuracy);
        Accuracy("average_robust", metrics.AverageRobustAccuracy);
        activity?.SetTag("ardir.training.loss", metrics.TrainLoss).SetTag("ardir.accuracy.train", metrics.TrainAccuracy)
            .SetTag("ardir.accuracy.clean", metrics.CleanAccuracy).SetTag("ardir.accuracy.robust", metrics.RobustAccuracy);
    }

    private static void Accuracy(string kind, double? value)
    {
        if (value is { } measured) ArdirDiagnostics.RecordAccuracy(kind, measured);
    }
}

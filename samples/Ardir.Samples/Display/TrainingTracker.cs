using System.Globalization;
using Ardir.Distillation;

namespace Ardir.Samples;

/// <summary>Follows a training run.</summary>
/// <param name="line">Shows it.</param>
/// <param name="clock">Says how long the whole job still takes.</param>
internal sealed class TrainingTracker(JobLine line, StageClock clock) : IProgress<TrainingProgress>
{
    public void Report(TrainingProgress value)
    {
        // Evaluation is a small part of an epoch; the bar stands still for it.
        var inEpoch = value.Phase == TrainingPhase.Train ? value.Step / (double)value.Steps : 1;
        if (value.Phase == TrainingPhase.Resume)
        {
            clock.Begin(value.History.Count / (double)value.Epochs);
            line.Reached(value.History.Count / (double)value.Epochs, $"resumes after epoch {value.History.Count}/{value.Epochs}");
            return;
        }
        var fraction = (value.Epoch + inEpoch) / value.Epochs;
        var epoch = $"epoch {value.Epoch + 1}/{value.Epochs}";
        var left = clock.After(fraction, settled: value.Metrics is not null);
        if (value.Metrics is { } metrics)
        {
            var accuracies = Text($"clean {metrics.CleanAccuracy:P1}, PGD-10 {metrics.RobustAccuracy:P1}");
            line.Reached(fraction, $"{epoch}, {accuracies}", Text($"{epoch}, loss {metrics.TrainLoss:F3}, {accuracies}{left}"));
            return;
        }
        if (value.Phase == TrainingPhase.Evaluate) line.Step(fraction, $"{epoch}, validation {value.Step}/{value.Steps}", left);
        else
        {
            var loss = value.Loss is { } number ? Text($", loss {number:F3}") : "";
            line.Step(fraction, $"{epoch}, step {value.Step}/{value.Steps}{loss}", left);
        }
    }

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}

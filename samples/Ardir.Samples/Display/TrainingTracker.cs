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
            line.Reached(value.History.Count / (double)value.Epochs, $"goes on after epoch {value.History.Count}/{value.Epochs}");
            return;
        }
        var fraction = (value.Epoch + inEpoch) / value.Epochs;
        var epoch = $"epoch {value.Epoch + 1}/{value.Epochs}";
        var left = clock.After(fraction, settled: value.Metrics is not null);
        if (value.Metrics is { } metrics)
        {
            var accuracies = string.Create(CultureInfo.InvariantCulture, $"clean {metrics.CleanAccuracy:P1}, PGD-10 {metrics.RobustAccuracy:P1}");
            line.Reached(fraction, $"{epoch}, {accuracies}", string.Create(CultureInfo.InvariantCulture, $"{epoch}, loss {metrics.TrainLoss:F3}, {accuracies}{left}"));
        }
        else if (value.Phase == TrainingPhase.Evaluate) line.Step(fraction, $"{epoch}, validation {value.Step}/{value.Steps}", left);
        else line.Step(fraction, string.Create(CultureInfo.InvariantCulture, $"{epoch}, step {value.Step}/{value.Steps}{(value.Loss is { } loss ? $", loss {loss:F3}" : "")}"), left);
    }
}

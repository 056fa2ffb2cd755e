namespace Ardir.Distillation;

/// <summary>The metrics of one epoch.</summary>
public sealed record EpochMetrics
{
    /// <summary>The epoch, from 0.</summary>
    public required int Epoch { get; init; }

    /// <summary>Learning rate at its end.</summary>
    public required double LearningRate { get; init; }

    /// <summary>Mean loss over the training samples.</summary>
    public required double TrainLoss { get; init; }

    /// <summary>Accuracy, 0 to 1, of the student on the images it was trained on (adversarial ones if there are any), measured in
    /// train mode during the training steps.</summary>
    public required double TrainAccuracy { get; init; }

    /// <summary>Mean of each part of the loss over the training samples, by the names of <see cref="LossTerms"/>.</summary>
    public required IReadOnlyDictionary<string, double> Terms { get; init; }

    /// <summary>Accuracy on the clean validation images, 0 to 1; null without a validation set.</summary>
    public double? CleanAccuracy { get; init; }

    /// <summary>Accuracy on the validation images under the selection attack, 0 to 1; null without one.</summary>
    public double? RobustAccuracy { get; init; }

    /// <summary>As <see cref="CleanAccuracy"/>, of the averaged weights; null while there are none.</summary>
    public double? AverageCleanAccuracy { get; init; }

    /// <summary>As <see cref="RobustAccuracy"/>, of the averaged weights; null while there are none.</summary>
    public double? AverageRobustAccuracy { get; init; }

    /// <summary>Steps left out because their loss was NaN or infinite (<see cref="NonFiniteLoss.Skip"/>).</summary>
    public int SkippedSteps { get; init; }

    /// <summary>Wall time of training and evaluation.</summary>
    public required TimeSpan Elapsed { get; init; }

    internal double? Selection => RobustAccuracy ?? CleanAccuracy;
}

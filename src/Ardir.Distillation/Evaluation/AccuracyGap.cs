using Ardir.Attacks;

namespace Ardir.Distillation;

/// <summary>Accuracy of one set of weights on training and test images, clean and attacked, all 0 to 1.</summary>
public sealed record AccuracyGap
{
    /// <summary>On clean training images.</summary>
    public required double TrainClean { get; init; }

    /// <summary>On attacked training images.</summary>
    public required double TrainRobust { get; init; }

    /// <summary>On clean test images.</summary>
    public required double TestClean { get; init; }

    /// <summary>On attacked test images.</summary>
    public required double TestRobust { get; init; }

    /// <summary>Robust accuracy on training images minus that on test images.</summary>
    public double RobustGap => TrainRobust - TestRobust;

    /// <summary>Clean accuracy on training images minus that on test images.</summary>
    public double CleanGap => TrainClean - TestClean;

    internal static AccuracyGap Of(RobustnessResult onTrain, RobustnessResult onTest) => new()
    {
        TrainClean = onTrain.CleanAccuracy, TrainRobust = onTrain.RobustAccuracy,
        TestClean = onTest.CleanAccuracy, TestRobust = onTest.RobustAccuracy,
    };
}

namespace Ardir.Attacks;

/// <summary>Accuracies so far and progress of an ensemble.</summary>
public sealed record EvaluationProgress
{
    /// <summary>Share of all images that the model gets right, 0 to 1.</summary>
    public required double CleanAccuracy { get; init; }

    /// <summary>Share of all images that no attack has broken so far, 0 to 1; it can only fall.</summary>
    public required double RobustAccuracy { get; init; }

    /// <summary>Estimated share of the work that is done, 0 to 1.</summary>
    public required double Fraction { get; init; }
}

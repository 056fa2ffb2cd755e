namespace Ardir.Attacks;

/// <summary>What an evaluation had found by the end of a batch, and what that had cost.</summary>
public sealed record BudgetPoint
{
    /// <summary>Name of the attack that the batch belongs to.</summary>
    public required string Attack { get; init; }

    /// <summary>Samples passed forward and backward through the model by the attacks so far, confirmations included: the sum of
    /// <see cref="AttackSummary.SampleForwards"/> and <see cref="AttackSummary.SampleBackwards"/> at that moment.</summary>
    public required long SampleEvaluations { get; init; }

    /// <summary>Share of all images, 0 to 1, that were classified correctly and unbroken at that moment.</summary>
    public required double RobustAccuracy { get; init; }
}

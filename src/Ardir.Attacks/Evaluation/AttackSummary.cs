namespace Ardir.Attacks;

/// <summary>What one attack of an evaluation did.</summary>
public sealed record AttackSummary
{
    /// <summary>Name of the attack.</summary>
    public required string Name { get; init; }

    /// <summary>Images it attacked: those that the model got right and no attack before had broken.</summary>
    public required int Attacked { get; init; }

    /// <summary>Images it broke, each confirmed by a fresh forward pass and a check of its distance to the clean image.</summary>
    public required int Broken { get; init; }

    /// <summary>Images that it did not break and at which it met a gradient that is exactly zero, even if other attacks had a
    /// usable one.</summary>
    /// <value>0 by default.</value>
    public int ZeroGradients { get; init; }

    /// <summary>Share of all images, 0 to 1, that are classified correctly and unbroken after it and all attacks before it.</summary>
    public required double RobustAccuracyAfter { get; init; }

    /// <summary>Samples passed forward through the model, confirmations included.</summary>
    public required long SampleForwards { get; init; }

    /// <summary>Samples passed backward through the model. For third-party attacks, each backward pass through an output of the model that
    /// they were given counts.</summary>
    public required long SampleBackwards { get; init; }

    /// <summary>Wall time. Where several processes share the evaluation, the sum of their times.</summary>
    public required TimeSpan Elapsed { get; init; }
}

namespace Ardir.Distillation;

/// <summary>An attack on the networks that an <see cref="ExperimentPlan"/> trained.</summary>
public sealed record ExperimentAttack
{
    /// <summary>The attack, by its name in <see cref="ExperimentOptions.Attacks"/>, or one of: <c>FGSM</c>; <c>PGD-20</c> with any number
    /// of steps; <c>APGD-CE</c>; <c>APGD-T</c>; <c>AutoAttack</c> (standard); <c>AutoAttack-fast</c>: its fast version; <c>Fast</c>:
    /// APGD-CE and APGD-T with 4 targets. A name has the characters that a method's may have.</summary>
    public required string Name { get; init; }

    /// <summary>Step size of FGSM (one step) and PGD in pixel units; null for epsilon and a quarter of epsilon.</summary>
    /// <value>null by default.</value>
    public double? StepSize { get; init; }

    /// <summary>Test images, the first ones; null for all of the plan.</summary>
    /// <value>null by default.</value>
    public int? Images { get; init; }

    /// <summary>Which weights are attacked. Weights that a method does not have are left out.</summary>
    /// <value>Best, last and average by default.</value>
    public IReadOnlyList<KeptWeights> Weights { get; init; } = [KeptWeights.Best, KeptWeights.Last, KeptWeights.Average];
}

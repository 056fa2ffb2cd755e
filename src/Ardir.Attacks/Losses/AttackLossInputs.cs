using Ardir.Core;

namespace Ardir.Attacks;

/// <summary>What an attack loss is computed from.</summary>
/// <param name="Logits">[n,K].</param>
/// <param name="Labels">True classes, int64 [n].</param>
/// <param name="Targets">Target classes, int64 [n]; null when untargeted.</param>
/// <param name="Reference">What <see cref="IAttackLoss.Prepare"/> returned, for these samples.</param>
public readonly record struct AttackLossInputs(Tensor Logits, Tensor Labels, Tensor? Targets, IReadOnlyList<Tensor> Reference)
{
    /// <summary>The features that <see cref="IAttackLoss.Forward"/> returned; null when there are none.</summary>
    public FeatureMaps? Features { get; init; }
}

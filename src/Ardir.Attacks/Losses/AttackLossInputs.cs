using Ardir.Core;

namespace Ardir.Attacks;

/// <summary>What an attack loss is computed from.</summary>
/// <param name="Logits">[n,K].</param>
/// <param name="Labels">True classes, int64 [n].</param>
/// <param name="Targets">Target classes, int64 [n]; null when untargeted.</param>
/// <param name="Reference">What <see cref="IAttackLoss.Prepare"/> returned, for these samples.</param>
public readonly record struct AttackLossInputs(Tensor Logits, Tensor Labels, Tensor? Targets, IReadOnlyList<Tensor> Reference)
{
    private readonly Tensor? _sampleIndices;

    /// <summary>The features that <see cref="IAttackLoss.Forward"/> returned; null when there are none.</summary>
    public FeatureMaps? Features { get; init; }

    /// <summary>
    /// The number of each sample in its data set, int64 [n] on the device of the labels: <see cref="AttackContext.SampleIndices"/> of
    /// the samples that are still under attack, by default their position, 0 to N-1, among all images that were passed in. What
    /// belongs to a sample (a weight, soft labels, a target of its own) is then found in a tensor of the whole data set with
    /// <c>data.index_select(0, inputs.SampleIndices)</c>, regardless of the batches that an attack or an ensemble forms.
    /// </summary>
    /// <value>Set by every attack; 0 to n-1 for inputs that were constructed without it.</value>
    public Tensor SampleIndices
    {
        get => _sampleIndices ?? arange(Labels.shape[0], ScalarType.Int64, Labels.device);
        init => _sampleIndices = value;
    }
}

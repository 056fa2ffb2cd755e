using Ardir.Core;

namespace Ardir.Attacks;

/// <summary>What an attack loss prepares itself from, once per attack.</summary>
/// <param name="Model">The attacked model, whose passes are counted.</param>
/// <param name="Images">A copy of the clean inputs, [n,...]; floating point.</param>
public sealed record AttackLossPreparation(IModule Model, Tensor Images)
{
    /// <summary>What networks answered on these images, from <see cref="AttackContext.Known"/>; a row of logits for each image.</summary>
    /// <value>Empty by default.</value>
    public IReadOnlyList<KnownOutput> Known { get; init; } = [];

    /// <summary>The logits of a network on these images, if the caller of the attack knew them.</summary>
    /// <param name="network">The network itself; a wrapper of it is another one.</param>
    /// <returns>[n,K]; null when the network must be run.</returns>
    public Tensor? LogitsOf(IModule network) => Known.FirstOrDefault(known => ReferenceEquals(known.Model, network))?.Logits;

    /// <summary>What a loss prepares, checked: rows of other samples would be selected without an error when a run is narrowed.</summary>
    /// <exception cref="InvalidOperationException">A tensor does not have one row per sample.</exception>
    internal IReadOnlyList<Tensor> ReferenceOf(IAttackLoss loss)
    {
        var (reference, count) = (loss.Prepare(this), Images.shape[0]);
        if (reference is null)
            throw new InvalidOperationException(
                $"The attack loss '{loss.Name}' prepared null; expected a list, empty if it keeps nothing.");
        foreach (var tensor in reference)
        {
            if (tensor is { IsInvalid: false } && tensor.dim() > 0 && tensor.shape[0] == count) continue;
            var prepared = tensor is null ? "null"
                : tensor.IsInvalid ? "a tensor that has been disposed"
                : $"a tensor {TensorGuard.Shape(tensor)}";
            throw new InvalidOperationException(
                $"The attack loss '{loss.Name}' prepared {prepared} for {count} samples; expected [{count},...], one row per sample. " +
                "Rows of a whole data set are found in Compute, with inputs.SampleIndices.");
        }
        return reference;
    }
}

namespace Ardir.Attacks;

/// <summary>What an attack loss prepares itself from, once per attack.</summary>
/// <param name="Model">The attacked model, whose passes are counted.</param>
/// <param name="Images">Clean inputs, [n,...].</param>
public sealed record AttackLossPreparation(IModule Model, Tensor Images)
{
    /// <summary>What networks answered on these images, from <see cref="AttackContext.Known"/>; a row of logits for each image.</summary>
    /// <value>Empty by default.</value>
    public IReadOnlyList<KnownOutput> Known { get; init; } = [];

    /// <summary>The logits of a network on these images, if the caller of the attack knew them.</summary>
    /// <param name="network">The network itself; a wrapper of it is another one.</param>
    /// <returns>[n,K]; null when the network must be run.</returns>
    public Tensor? LogitsOf(IModule network) => Known.FirstOrDefault(known => ReferenceEquals(known.Model, network))?.Logits;
}

namespace Ardir.Core;

/// <summary>Shape of a <see cref="DeepMindWideResNet"/>. The defaults are WRN-28-10 with Swish for CIFAR-10.</summary>
public sealed record DeepMindWideResNetOptions
{
    /// <summary>Convolutions along the longest path, 6n+4: n blocks in each of the three groups.</summary>
    /// <value>28 by default.</value>
    public int Depth { get; init; } = 28;

    /// <summary>Factor on the widths 16, 32, 64 of the groups.</summary>
    /// <value>10 by default.</value>
    public int Widen { get; init; } = 10;

    /// <summary>Number of classes, the length of a row of logits.</summary>
    /// <value>10 by default.</value>
    public int Classes { get; init; } = 10;

    /// <summary>Channels of the images.</summary>
    /// <value>3 by default.</value>
    public int InputChannels { get; init; } = 3;

    /// <summary>The nonlinearity. The state entries of a checkpoint do not show which one it was trained with.</summary>
    /// <value><see cref="ModelActivation.Swish"/> by default.</value>
    public ModelActivation Activation { get; init; } = ModelActivation.Swish;

    /// <summary>Built-in normalisation of the input, which is not part of the state; null for none.</summary>
    /// <value><see cref="ChannelStatistics.Cifar10"/> by default.</value>
    public ChannelStatistics? Normalization { get; init; } = ChannelStatistics.Cifar10;

    /// <summary>Seed of the initial weights. With a seed they are the same on every machine and the global generator is left as it was;
    /// without one they come from the global generator, as in PyTorch.</summary>
    /// <value>null by default.</value>
    public ulong? Seed { get; init; }

    internal int BlocksPerGroup => (Depth - 4) / 6;

    internal int[] Widths => [16, checked(16 * Widen), checked(32 * Widen), checked(64 * Widen)];

    internal void Validate()
    {
        ModelGuard.WideDepth(Depth, nameof(Depth));
        ModelGuard.Positive(Widen);
        ModelGuard.Positive(Classes);
        ModelGuard.Positive(InputChannels);
        if (!Enum.IsDefined(Activation))
        {
            throw new ArgumentOutOfRangeException(
                nameof(Activation), Activation, "Activation is not a member of ModelActivation.");
        }
        Normalization?.Validate(InputChannels, nameof(Normalization));
    }
}

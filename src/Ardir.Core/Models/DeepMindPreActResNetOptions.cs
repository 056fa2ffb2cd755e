namespace Ardir.Core;

/// <summary>Shape of a <see cref="DeepMindPreActResNet"/>. The defaults are PreActResNet-18 with Swish for CIFAR-10.</summary>
public sealed record DeepMindPreActResNetOptions
{
    /// <summary>Channels of the images.</summary>
    /// <value>3 by default.</value>
    public int InputChannels { get; init; } = 3;

    /// <summary>Number of classes, the length of a row of logits.</summary>
    /// <value>10 by default.</value>
    public int Classes { get; init; } = 10;

    /// <summary>Channels of each stage; the first convolution has as many as the first stage. Each stage after the first halves height
    /// and width.</summary>
    /// <value>64, 128, 256, 512 by default.</value>
    public IReadOnlyList<int> Widths { get; init; } = [64, 128, 256, 512];

    /// <summary>Residual blocks in each stage: 2, 2, 2, 2 is depth 18 and 3, 4, 6, 3 is depth 34.</summary>
    /// <value>2, 2, 2, 2 by default.</value>
    public IReadOnlyList<int> Blocks { get; init; } = [2, 2, 2, 2];

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

    internal void Validate()
    {
        ModelGuard.Positive(InputChannels);
        ModelGuard.Positive(Classes);
        ModelGuard.Widths(Widths);
        ModelGuard.Widths(Blocks);
        if (Widths.Count != Blocks.Count)
        {
            throw new ArgumentException(
                $"There are {Widths.Count} Widths and {Blocks.Count} Blocks; expected one of each per stage.", nameof(Blocks));
        }
        if (!Enum.IsDefined(Activation))
        {
            throw new ArgumentOutOfRangeException(
                nameof(Activation), Activation, "Activation is not a member of ModelActivation.");
        }
        Normalization?.Validate(InputChannels, nameof(Normalization));
    }
}

namespace Ardir.Core;

/// <summary>Shape of a <see cref="WideResNet"/>. The defaults are WideResNet-28-10 for CIFAR-10.</summary>
public sealed record WideResNetOptions
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

    /// <summary>Probability with which the second convolution of a block loses an input while training, in [0,1).</summary>
    /// <value>0 by default.</value>
    public double Dropout { get; init; }

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
        if (!(Dropout >= 0 && Dropout < 1)) throw new ArgumentOutOfRangeException(nameof(Dropout), Dropout, "Dropout must be in [0,1).");
    }
}

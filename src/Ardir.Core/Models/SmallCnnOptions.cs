namespace Ardir.Core;

/// <summary>Shape of a <see cref="SmallCnn"/>. The defaults are for MNIST and Fashion-MNIST.</summary>
public sealed record SmallCnnOptions
{
    /// <summary>Channels of the images.</summary>
    /// <value>1 by default.</value>
    public int InputChannels { get; init; } = 1;

    /// <summary>Height of the images, at least 4.</summary>
    /// <value>28 by default.</value>
    public int Height { get; init; } = 28;

    /// <summary>Width of the images, at least 4.</summary>
    /// <value>28 by default.</value>
    public int Width { get; init; } = 28;

    /// <summary>Number of classes, the length of a row of logits.</summary>
    /// <value>10 by default.</value>
    public int Classes { get; init; } = 10;

    /// <summary>Channels of the first convolution.</summary>
    /// <value>16 by default.</value>
    public int FirstWidth { get; init; } = 16;

    /// <summary>Channels of the second convolution.</summary>
    /// <value>32 by default.</value>
    public int SecondWidth { get; init; } = 32;

    /// <summary>Units of the hidden linear layer.</summary>
    /// <value>100 by default.</value>
    public int Hidden { get; init; } = 100;

    /// <summary>Seed of the initial weights. With a seed they are the same on every machine and the global generator is left as it was;
    /// without one they come from the global generator, as in PyTorch.</summary>
    /// <value>null by default.</value>
    public ulong? Seed { get; init; }

    internal void Validate()
    {
        ModelGuard.Positive(InputChannels);
        ModelGuard.Positive(Classes);
        ModelGuard.Positive(FirstWidth);
        ModelGuard.Positive(SecondWidth);
        ModelGuard.Positive(Hidden);
        if (Height < 4)
            throw new ArgumentOutOfRangeException(nameof(Height), Height, "Height must be at least 4: two poolings halve it twice.");
        if (Width < 4)
            throw new ArgumentOutOfRangeException(nameof(Width), Width, "Width must be at least 4: two poolings halve it twice.");
    }
}

namespace Ardir.Core;

/// <summary>Shape of a <see cref="PreActResNet"/>. The defaults are PreActResNet-18 for CIFAR-10.</summary>
/// <example><code>
/// var tiny = new PreActResNetOptions { InputChannels = 1, Widths = [16, 32, 64], BlocksPerStage = 1 };   // 28x28x1, 77,562 parameters
/// </code></example>
public sealed record PreActResNetOptions
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

    /// <summary>Residual blocks in each stage, of two convolutions each.</summary>
    /// <value>2 by default.</value>
    public int BlocksPerStage { get; init; } = 2;

    /// <summary>Stride of the first convolution; 2 makes every layer work on a quarter of the positions.</summary>
    /// <value>1 by default.</value>
    public int FirstStride { get; init; } = 1;

    /// <summary>Seed of the initial weights. With a seed they are the same on every machine and the global generator is left as it was;
    /// without one they come from the global generator, as in PyTorch.</summary>
    /// <value>null by default.</value>
    public ulong? Seed { get; init; }

    /// <summary>Which of the published forms.</summary>
    /// <value><see cref="PreActResNetVariant.Rice"/> by default.</value>
    public PreActResNetVariant Variant { get; init; } = PreActResNetVariant.Rice;

    internal bool FinalNorm => Variant is PreActResNetVariant.Rice or PreActResNetVariant.FastAdversarial;

    internal bool RawShortcut => Variant is PreActResNetVariant.FastAdversarial or PreActResNetVariant.Wong;

    internal void Validate()
    {
        ModelGuard.Positive(InputChannels);
        ModelGuard.Positive(Classes);
        ModelGuard.Positive(BlocksPerStage);
        ModelGuard.Positive(FirstStride);
        ModelGuard.Widths(Widths);
        if (!Enum.IsDefined(Variant))
            throw new ArgumentOutOfRangeException(nameof(Variant), Variant, "Variant is not a member of PreActResNetVariant.");
    }
}

namespace Ardir.Core;

/// <summary>
/// Random shift and flip of a whole batch at once, on its device. A sample's draw depends on the seed and on its number alone, never on the batch.
/// </summary>
public sealed record ImageAugmentation
{
    /// <summary>Pads by this many pixels and crops back to size at a random place; 0 for no shift.</summary>
    /// <value>4 by default.</value>
    public int Padding { get; init; } = 4;

    /// <summary>What the padding holds.</summary>
    /// <value><see cref="CropPadding.Reflect"/> by default.</value>
    public CropPadding PaddingMode { get; init; } = CropPadding.Reflect;

    /// <summary>Mirrors left and right with probability 1/2. Never for digits.</summary>
    /// <value>true by default.</value>
    public bool HorizontalFlip { get; init; } = true;

    /// <summary>Pad-and-crop by 4 with reflection, and flip: the CIFAR recipe of Rice et al.</summary>
    public static ImageAugmentation Cifar { get; } = new();

    /// <summary>Augments a batch.</summary>
    /// <param name="images">[N,C,H,W] of any dtype.</param>
    /// <param name="seed">Seed of this epoch.</param>
    /// <param name="sampleIndices">The number of each image in its data set.</param>
    /// <returns>A new tensor like <paramref name="images"/>, owned by the caller.</returns>
    /// <exception cref="ArgumentException">Wrong rank, not one index per image, or a padding that is negative or not smaller than the image.</exception>
    public Tensor Apply(Tensor images, ulong seed, IReadOnlyList<long> sampleIndices)
    {
        ArgumentNullException.ThrowIfNull(images);
        ArgumentNullException.ThrowIfNull(sampleIndices);
        if (images.dim() != 4) throw new ArgumentException($"images has shape {TensorGuard.Shape(images)}; expected [N,C,H,W].", nameof(images));
        var (n, height, width) = ((int)images.shape[0], (int)images.shape[2], (int)images.shape[3]);
        if (sampleIndices.Count != n) throw new ArgumentException($"There are {sampleIndices.Count} sample indices for {n} images; expected one per image.", nameof(sampleIndices));
        if (Padding < 0 || Padding >= Math.Min(height, width))
            throw new ArgumentException($"Padding is {Padding}; it must be from 0 to {Math.Min(height, width) - 1} for images of {height}x{width}.", nameof(images));

        var rows = new long[n * height];
        var columns = new long[n * width];
        for (var i = 0; i < n; i++)
        {
            var state = SeedMixer.Mix(seed, (ulong)sampleIndices[i]);
            var (down, right) = (SeedMixer.ToInt(SeedMixer.Next(ref state), 2 * Padding + 1), SeedMixer.ToInt(SeedMixer.Next(ref state), 2 * Padding + 1));
            var flip = HorizontalFlip && (SeedMixer.Next(ref state) >> 63) == 1;
            for (var r = 0; r < height; r++) rows[i * height + r] = Source(down + r, height);
            for (var c = 0; c < width; c++) columns[i * width + c] = Source(right + (flip ? width - 1 - c : c), width);
        }
        return Gather(images, rows, columns);
    }

    private Tensor Gather(Tensor images, long[] rows, long[] columns)
    {
        using var scope = NewDisposeScope();
        var (n, channels, height, width) = (images.shape[0], images.shape[1], images.shape[2], images.shape[3]);
        var source = PaddingMode == CropPadding.Zero && Padding > 0
            ? nn.functional.pad(images, [Padding, Padding, Padding, Padding], PaddingModes.Constant, 0)
            : images;
        var device = images.device;
        return source.index(
            TensorIndex.Tensor(arange(n, device: device).reshape(n, 1, 1, 1)),
            TensorIndex.Tensor(arange(channels, device: device).reshape(1, channels, 1, 1)),
            TensorIndex.Tensor(tensor(rows, [n, 1, height, 1], device: device)),
            TensorIndex.Tensor(tensor(columns, [n, 1, 1, width], device: device))).MoveToOuterDisposeScope();
    }

    // A position in the padded image, as a position in what Gather reads: the padded image itself, or the image mirrored at its border.
    private int Source(int padded, int size)
    {
        if (PaddingMode == CropPadding.Zero) return padded;
        var at = Math.Abs(padded - Padding);
        return at < size ? at : 2 * (size - 1) - at;
    }
}

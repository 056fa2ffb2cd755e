namespace Ardir.Core;

/// <summary>
/// Random shift and flip of a whole batch at once, on its device. The shift and flip of a sample depend on the seed and on the sample's
/// index alone, never on the batch that it is in.
/// </summary>
public sealed record ImageAugmentation
{
    /// <summary>Pads by this many pixels and crops back to size at a random place; 0 for no shift.</summary>
    /// <value>4 by default.</value>
    public int Padding { get; init; } = 4;

    /// <summary>What the padding holds.</summary>
    /// <value><see cref="CropPadding.Reflect"/> by default.</value>
    public CropPadding PaddingMode { get; init; } = CropPadding.Reflect;

    /// <summary>Mirrors left and right with probability 1/2. Switch it off where mirroring changes the class, as for digits.</summary>
    /// <value>true by default.</value>
    public bool HorizontalFlip { get; init; } = true;

    /// <summary>Random crop with reflection padding of 4 pixels, and horizontal flip: the CIFAR recipe of Rice et al.</summary>
    public static ImageAugmentation Cifar { get; } = new();

    /// <summary>Augments a batch.</summary>
    /// <param name="images">[N,C,H,W] of any dtype.</param>
    /// <param name="seed">Seed of this epoch.</param>
    /// <param name="sampleIndices">The position of each image in its data set.</param>
    /// <returns>A new tensor with the shape, dtype and device of <paramref name="images"/>, owned by the caller.</returns>
    /// <exception cref="ArgumentException">
    /// Wrong rank, not one index per image, or a padding that is negative or not smaller than the image.
    /// </exception>
    public Tensor Apply(Tensor images, ulong seed, IReadOnlyList<long> sampleIndices)
    {
        ArgumentNullException.ThrowIfNull(images);
        ArgumentNullException.ThrowIfNull(sampleIndices);
        if (images.dim() != 4)
            throw new ArgumentException($"images has shape {TensorGuard.Shape(images)}; expected [N,C,H,W].", nameof(images));
        var (n, height, width) = ((int)images.shape[0], (int)images.shape[2], (int)images.shape[3]);
        if (sampleIndices.Count != n)
            throw new ArgumentException(
                $"There are {sampleIndices.Count} sample indices for {n} images; expected one per image.", nameof(sampleIndices));
        if (Padding < 0 || Padding >= Math.Min(height, width))
            throw new ArgumentException(
                $"Padding is {Padding}; it must be from 0 to {Math.Min(height, width) - 1} for images of {height}x{width}.",
                nameof(images));

        var (down, right, flipped) = (new long[n], new long[n], new List<long>());
        for (var i = 0; i < n; i++)
        {
            var state = SeedMixer.Mix(seed, (ulong)sampleIndices[i]);
            down[i] = SeedMixer.ToInt(SeedMixer.Next(ref state), 2 * Padding + 1);
            right[i] = SeedMixer.ToInt(SeedMixer.Next(ref state), 2 * Padding + 1);
            if (HorizontalFlip && (SeedMixer.Next(ref state) >> 63) == 1) flipped.Add(i);
        }
        using var scope = NewDisposeScope();
        var moved = Padding > 0 ? Crop(images, down, right) : images.clone();
        if (flipped.Count > 0)
        {
            var rows = Transfer.Of([.. flipped], images.device);
            moved.index_copy_(0, rows, moved.index_select(0, rows).flip(3));
        }
        return moved.MoveToOuterDisposeScope();
    }

    // unfold makes a view of all windows of the padded images, so that one indexed read picks each image's window without a loop.
    private Tensor Crop(Tensor images, long[] down, long[] right)
    {
        var padded = PaddingMode == CropPadding.Zero
            ? nn.functional.pad(images, [Padding, Padding, Padding, Padding], PaddingModes.Constant, 0)
            : Mirror(Mirror(images, 2), 3);
        var windows = padded.unfold(2, images.shape[2], 1).unfold(3, images.shape[3], 1);
        return windows.index(
            TensorIndex.Tensor(arange(images.shape[0], device: images.device)), TensorIndex.Colon,
            TensorIndex.Tensor(Transfer.Of(down, images.device)), TensorIndex.Tensor(Transfer.Of(right, images.device))).contiguous();
    }

    // Reflection padding out of flips, since libtorch's own does not support integer dtypes.
    private Tensor Mirror(Tensor images, int dimension) => cat(
    [
        images.narrow(dimension, 1, Padding).flip(dimension),
        images,
        images.narrow(dimension, images.shape[dimension] - 1 - Padding, Padding).flip(dimension),
    ], dimension);
}

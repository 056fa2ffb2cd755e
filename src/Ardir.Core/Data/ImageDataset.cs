namespace Ardir.Core;

/// <summary>
/// Labelled images, held as one uint8 tensor on one device, so that a batch is one indexed read and not a copy per sample.
/// </summary>
/// <example><code>
/// using ImageDataset train = ImageDataset.Mnist("data/fashion", Split.Train);
/// var (images, labels) = train.Batch([0, 1, 2]);          // float32 [3,1,28,28] in [0,1], int64 [3]
/// </code></example>
public sealed partial class ImageDataset : IDisposable
{
    private const int MaxClasses = 1 << 20;

    private bool _disposed;

    /// <summary>Creates a data set from images in memory. Takes ownership of both tensors.</summary>
    /// <param name="images">uint8 [N,C,H,W].</param>
    /// <param name="labels">int64 [N] on the same device, values 0..K-1.</param>
    /// <param name="classNames">The K names; "0", "1", ... when null.</param>
    /// <exception cref="ArgumentException">Wrong dtype, shape or device, an empty set, or a label without a name.</exception>
    public ImageDataset(Tensor images, Tensor labels, IReadOnlyList<string>? classNames = null)
    {
        TensorGuard.Dense(images);
        if (images.dtype != ScalarType.Byte)
            throw new ArgumentException($"images has dtype {images.dtype}; expected uint8 pixels 0..255.", nameof(images));
        if (images.dim() != 4 || images.numel() == 0)
            throw new ArgumentException(
                $"images has shape {TensorGuard.Shape(images)}; expected [N,C,H,W] with at least one image.", nameof(images));
        TensorGuard.Labels(labels, images);
        using var largest = labels.max();
        var highest = HostRead.Int64(largest);
        if (classNames is null && highest >= MaxClasses)
            throw new ArgumentException(
                $"labels has the value {highest}; more than {MaxClasses} classes need classNames. Are these class indices?",
                nameof(labels));
        if (classNames is not null && classNames.Contains(null!)) throw new ArgumentException("A class name is null.", nameof(classNames));
        var classes = classNames?.Count ?? (int)Math.Max(highest + 1, 1);
        TensorGuard.LabelRange(labels, classes);
        Images = images.DetachFromDisposeScope();
        Labels = labels.DetachFromDisposeScope();
        ClassNames = classNames is null ? [.. Enumerable.Range(0, classes).Select(i => i.ToString())] : [.. classNames];
    }

    /// <summary>All images, uint8 [N,C,H,W]. Owned by the data set.</summary>
    public Tensor Images { get; }

    /// <summary>All labels, int64 [N]. Owned by the data set.</summary>
    public Tensor Labels { get; }

    /// <summary>The name of each class; the number of names is the number of classes.</summary>
    public IReadOnlyList<string> ClassNames { get; }

    /// <summary>
    /// The files that the images were read from, with checksums; empty for images made in memory. Subsets and copies of a data set list the
    /// same files.
    /// </summary>
    public IReadOnlyList<DataFile> Files { get; private init; } = [];

    /// <summary>Number of images.</summary>
    /// <exception cref="ObjectDisposedException">The data set was disposed.</exception>
    public int Count => (int)Alive(Images).shape[0];

    /// <summary>The device that both tensors are on.</summary>
    /// <exception cref="ObjectDisposedException">The data set was disposed.</exception>
    public Device Device => Alive(Images).device;

    /// <summary>Reads the images at the given positions as one batch.</summary>
    /// <param name="indices">Positions, 0 to <see cref="Count"/> - 1, in any order.</param>
    /// <param name="dtype">Floating dtype of the images; float32 by default.</param>
    /// <returns>Images [n,C,H,W] in [0,1] and labels int64 [n], owned by the caller.</returns>
    /// <exception cref="ArgumentOutOfRangeException">
    /// There are no indices, an index is outside the data set, or <paramref name="dtype"/> is not a floating-point type.
    /// </exception>
    public (Tensor Images, Tensor Labels) Batch(ReadOnlySpan<long> indices, ScalarType dtype = ScalarType.Float32)
    {
        ImageBatchOptions.Floating(dtype, nameof(dtype));
        if (indices.IsEmpty) throw new ArgumentOutOfRangeException(nameof(indices), "The batch is empty; pass at least one index.");
        foreach (var index in indices)
            if (index < 0 || index >= Count)
                throw new ArgumentOutOfRangeException(nameof(indices), index, $"The data set has images 0 to {Count - 1}.");
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var rows = tensor(indices.ToArray(), device: Device);
        return (
            ToFloat(Images.index_select(0, rows), dtype).MoveToOuterDisposeScope(),
            Labels.index_select(0, rows).MoveToOuterDisposeScope());
    }

    /// <summary>Copies the images at the given positions into a new data set.</summary>
    /// <param name="indices">Positions, 0 to <see cref="Count"/> - 1.</param>
    /// <returns>A new data set with the same class names, owned by the caller.</returns>
    /// <exception cref="ArgumentOutOfRangeException">There are no indices, or an index is outside the data set.</exception>
    public ImageDataset Subset(IReadOnlyList<long> indices)
    {
        ArgumentNullException.ThrowIfNull(indices);
        if (indices.Count == 0 || indices.Any(index => index < 0 || index >= Count))
            throw new ArgumentOutOfRangeException(nameof(indices), $"Expected at least one index, each from 0 to {Count - 1}.");
        using var rows = tensor(indices.ToArray(), device: Device);
        return new ImageDataset(Images.index_select(0, rows), Labels.index_select(0, rows), ClassNames) { Files = Files };
    }

    /// <summary>Copies the first images into a new data set.</summary>
    /// <param name="count">How many images, at least 1; all when the data set has fewer.</param>
    /// <returns>A new data set, owned by the caller.</returns>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="count"/> is not positive.</exception>
    public ImageDataset Take(int count)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(count);
        count = Math.Min(count, Count);
        using var images = Images.narrow(0, 0, count);
        using var labels = Labels.narrow(0, 0, count);
        return new ImageDataset(images.clone(), labels.clone(), ClassNames) { Files = Files };
    }

    /// <summary>
    /// Splits the images at random into two parts, for example to hold out a validation set. The permutation is a Fisher-Yates shuffle with
    /// SplitMix64, the same on every machine.
    /// </summary>
    /// <param name="held">How many images go to the second part, 1 to <see cref="Count"/> - 1.</param>
    /// <param name="seed">Seed of the permutation.</param>
    /// <returns>The kept and the held-out part, both owned by the caller.</returns>
    /// <exception cref="ArgumentOutOfRangeException">One part would be empty.</exception>
    public (ImageDataset Kept, ImageDataset Held) HoldOut(int held, ulong seed)
    {
        if (held < 1 || held >= Count)
            throw new ArgumentOutOfRangeException(nameof(held), held, $"Expected 1 to {Count - 1}, so that neither part is empty.");
        var order = SeedMixer.Permutation(SeedMixer.Mix(seed, "hold-out"), Count);
        return (Subset(order[held..]), Subset(order[..held]));
    }

    /// <summary>Copies the data set to another device.</summary>
    /// <param name="device">The device of the copy.</param>
    /// <returns>A new data set, owned by the caller.</returns>
    public ImageDataset To(Device device) =>
        new(Alive(Images).to(device, copy: true), Labels.to(device, copy: true), ClassNames) { Files = Files };

    /// <summary>
    /// A short text by which data sets are compared for equality, for example before a run is resumed: the number of images and the first
    /// 64 bits of a SHA-256 over the pixels and labels. It reads all of them on the host.
    /// </summary>
    /// <returns>For example <c>60000 images, 0123456789abcdef</c>; the same for the same pixels and labels on every device.</returns>
    /// <exception cref="ObjectDisposedException">The data set was disposed.</exception>
    public string Fingerprint() => $"{Count} images, {Core.Fingerprint.Of(("images", Images), ("labels", Labels))}";

    /// <summary>Disposes the tensors.</summary>
    public void Dispose()
    {
        _disposed = true;
        Images.Dispose();
        Labels.Dispose();
    }

    private Tensor Alive(Tensor tensor)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        return tensor;
    }

    internal static Tensor ToFloat(Tensor pixels, ScalarType dtype)
    {
        // Divides in float32 before converting, so that a float16 or bfloat16 value is rounded to that precision only once.
        using var floats = pixels.to(dtype == ScalarType.Float64 ? ScalarType.Float64 : ScalarType.Float32);
        return floats.div_(255).to(dtype).alias();
    }
}

namespace Ardir.Core;

/// <summary>
/// The batches of a data set, epoch by epoch: each is one indexed read, augmented at once, on the data set's device. The order of an epoch and an image's augmentation
/// depend on seed, epoch and image alone, so that any epoch can be drawn again, and by <c>DistillationTrainer</c> they are drawn the same way.
/// </summary>
/// <example><code>
/// var batches = new ImageBatches(train, new ImageBatchOptions { Augmentation = ImageAugmentation.Cifar, Seed = 1 });
/// for (var epoch = 0; epoch &lt; 200; epoch++)
///     foreach (var (images, labels) in batches.Epoch(epoch))
///     {
///         using var scope = torch.NewDisposeScope();
///         // ...
///     }
/// </code></example>
public sealed class ImageBatches
{
    private readonly ImageDataset _data;

    /// <summary>Prepares batches; nothing is drawn yet.</summary>
    /// <param name="data">Stays the caller's.</param>
    /// <param name="options">Size, order, augmentation; shuffled batches of 128 when null.</param>
    /// <exception cref="ArgumentException">An option is out of range, or all images would be left out.</exception>
    public ImageBatches(ImageDataset data, ImageBatchOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(data);
        (_data, Options) = (data, options ?? new ImageBatchOptions());
        Options.Validate();
        if (Options.DropLast && data.Count < Options.BatchSize)
            throw new ArgumentException($"DropLast leaves out all {data.Count} images, which are fewer than BatchSize = {Options.BatchSize}.", nameof(options));
    }

    /// <summary>What the batches are drawn by.</summary>
    public ImageBatchOptions Options { get; }

    /// <summary>Batches in an epoch.</summary>
    public int Count => Options.DropLast ? _data.Count / Options.BatchSize : (int)((_data.Count + (long)Options.BatchSize - 1) / Options.BatchSize);

    /// <summary>The batches of one epoch. Each is released when the next is drawn or the iteration ends, also early; tensors made of it in the loop are the caller's.</summary>
    /// <param name="epoch">Number of the epoch, from 0.</param>
    /// <returns>Batches in order; every enumeration draws the same ones.</returns>
    /// <exception cref="ArgumentOutOfRangeException">A negative number.</exception>
    public IEnumerable<ImageBatch> Epoch(int epoch)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(epoch);
        return Epoch(epoch, skip: 0);
    }

    /// <summary>As the public one, without the first batches.</summary>
    internal IEnumerable<ImageBatch> Epoch(int epoch, int skip) => Draw(SeedMixer.Mix(Options.Seed, (ulong)epoch), skip);

    private IEnumerable<ImageBatch> Draw(ulong seed, int skip)
    {
        var order = Options.Shuffle ? SeedMixer.Permutation(SeedMixer.Mix(seed, "order"), _data.Count) : [.. Enumerable.Range(0, _data.Count).Select(i => (long)i)];
        var augmentation = SeedMixer.Mix(seed, "augmentation");
        for (var (batch, at) = (skip, skip * (long)Options.BatchSize); batch < Count; batch++, at += Options.BatchSize)
        {
            var indices = order[(int)at..(int)Math.Min(at + Options.BatchSize, order.Length)];
            var (images, labels) = Read(indices, augmentation);
            try
            {
                yield return new ImageBatch(images, labels, indices);
            }
            finally
            {
                images.Dispose();
                labels.Dispose();
            }
        }
    }

    private (Tensor Images, Tensor Labels) Read(long[] indices, ulong seed)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var rows = tensor(indices, device: _data.Device);
        var pixels = _data.Images.index_select(0, rows);
        if (Options.Augmentation is { } augmentation) pixels = augmentation.Apply(pixels, seed, indices);
        // Of no scope: the loop's body may open and close any.
        return (ImageDataset.ToFloat(pixels, Options.DType).DetachFromDisposeScope(), _data.Labels.index_select(0, rows).DetachFromDisposeScope());
    }
}

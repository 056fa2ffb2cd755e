namespace Ardir.Core;

/// <summary>
/// The batches of a data set, epoch by epoch. Each is one indexed read on the data set's device, augmented as a whole batch. The order of
/// an epoch depends on seed and epoch alone, and an image's augmentation on seed, epoch and image alone, so any epoch can be drawn again.
/// <c>DistillationTrainer</c> draws its batches with this class too.
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
    /// <param name="data">The images. The caller keeps ownership.</param>
    /// <param name="options">Size, order, augmentation; shuffled batches of 128 when null.</param>
    /// <exception cref="ArgumentException">An option is out of range, or all images would be left out.</exception>
    public ImageBatches(ImageDataset data, ImageBatchOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(data);
        (_data, Options) = (data, options ?? new ImageBatchOptions());
        Options.Validate();
        if (Options.DropLast && data.Count < Options.BatchSize)
            throw new ArgumentException(
                $"DropLast leaves out all {data.Count} images, which are fewer than BatchSize = {Options.BatchSize}.", nameof(options));
    }

    /// <summary>The options that the batches are drawn with.</summary>
    public ImageBatchOptions Options { get; }

    /// <summary>Number of images in the data set.</summary>
    public int Samples => _data.Count;

    /// <summary>Number of batches in an epoch.</summary>
    public int Count => Options.DropLast
        ? _data.Count / Options.BatchSize
        : (int)((_data.Count + (long)Options.BatchSize - 1) / Options.BatchSize);

    /// <summary>
    /// The batches of one epoch. Each is disposed when the next is drawn or when the iteration ends, even early; tensors that the loop
    /// computes from it are owned by the caller.
    /// </summary>
    /// <param name="epoch">Number of the epoch, from 0.</param>
    /// <returns>Batches in order; every enumeration draws the same ones.</returns>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="epoch"/> is negative.</exception>
    public IEnumerable<ImageBatch> Epoch(int epoch) => Epoch(epoch, skip: 0);

    /// <summary>The batches of one epoch without the first ones: for a run that resumes within an epoch, or, with a stride, for one of
    /// several processes that share the batches.</summary>
    /// <param name="epoch">Number of the epoch, from 0.</param>
    /// <param name="skip">How many batches to leave out; they are not computed.</param>
    /// <param name="stride">After each batch one less than this is left out: 1 takes all.</param>
    /// <returns>The other batches in order, the same as those of the whole epoch.</returns>
    /// <exception cref="ArgumentOutOfRangeException">An argument is negative, or the stride 0.</exception>
    public IEnumerable<ImageBatch> Epoch(int epoch, int skip, int stride = 1)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(epoch);
        ArgumentOutOfRangeException.ThrowIfNegative(skip);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(stride);
        return Draw(SeedMixer.Mix(Options.Seed, (ulong)epoch), skip, stride);
    }

    private IEnumerable<ImageBatch> Draw(ulong seed, int skip, int stride)
    {
        var order = Options.Shuffle
            ? SeedMixer.Permutation(SeedMixer.Mix(seed, "order"), _data.Count)
            : [.. Enumerable.Range(0, _data.Count).Select(i => (long)i)];
        var augmentation = SeedMixer.Mix(seed, "augmentation");
        for (var batch = (long)skip; batch < Count; batch += stride)
        {
            var at = batch * Options.BatchSize;
            var indices = order[(int)at..(int)Math.Min(at + Options.BatchSize, order.Length)];
            var (images, labels) = Read(indices, augmentation);
            try
            {
                yield return new ImageBatch(CheckedBatch.Trusted(images, labels, _data.ClassNames.Count), indices);
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
        var device = Options.Device ?? _data.Device;
        var rows = Transfer.Of(indices, _data.Device);
        var pixels = Transfer.To(_data.Images.index_select(0, rows), device);
        if (Options.Augmentation is { } augmentation) pixels = augmentation.Apply(pixels, seed, indices);
        // Attached to no dispose scope: the caller's loop may open and close scopes between two batches, and Draw disposes these itself.
        return (
            ImageDataset.ToFloat(pixels, Options.DType).DetachFromDisposeScope(),
            Transfer.To(_data.Labels.index_select(0, rows), device).DetachFromDisposeScope());
    }
}

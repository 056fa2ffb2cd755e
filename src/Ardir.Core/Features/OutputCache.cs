namespace Ardir.Core;

/// <summary>
/// The outputs and feature maps of a frozen network for all images of a data set, computed once. A teacher that sees unaugmented images
/// answers the same in every epoch, so that its pass need not be repeated. The trainer keeps outputs with this class too
/// (<c>TrainerOptions.OutputCacheBytes</c>).
/// </summary>
/// <remarks>The outputs agree with those of a pass of their own up to rounding, because a kernel may round differently in a batch of other
/// images. A network that draws random numbers in eval mode is asked only once. Not thread-safe.</remarks>
/// <example><code>
/// using IFeatureTap tap = FeatureTap.AttachFrozen(teacher, "layer*");
/// using OutputCache? cache = OutputCache.TryFill(tap, new ImageBatches(train), maxBytes: 512L &lt;&lt; 20);
/// using TappedOutput known = cache?.Select(batch.Indices) ?? tap.Forward(batch.Images);
/// </code></example>
public sealed class OutputCache : IDisposable
{
    private readonly TappedOutput _all;

    private OutputCache(TappedOutput all) => _all = all;

    /// <summary>How many images the cache knows.</summary>
    public int Count => (int)_all.Output.shape[0];

    /// <summary>The memory that the cache takes, in bytes.</summary>
    public long Bytes => BytesNeeded(_all, Count, Count);

    /// <summary>The memory that the outputs and feature maps of a data set take, measured on its first batch.</summary>
    /// <param name="tap">As for <see cref="TryFill"/>.</param>
    /// <param name="batches">As for <see cref="TryFill"/>.</param>
    /// <returns>Bytes.</returns>
    /// <exception cref="ArgumentException">As for <see cref="TryFill"/>.</exception>
    public static long BytesNeeded(IFeatureTap tap, ImageBatches batches)
    {
        Check(tap, batches);
        using var scope = NewDisposeScope();
        // The enumeration owns the batch, so the first one is only there within the loop.
        return batches.Epoch(0).Take(1).Select(batch => BytesNeeded(Ask(tap, batch), batch.Indices.Count, batches.Samples)).Single();
    }

    /// <summary>Runs a frozen network once on all images, batch by batch, if what it answers fits into a memory budget.</summary>
    /// <param name="tap">A tap of the network, frozen (<see cref="FeatureTap.AttachFrozen"/>). It is not owned.</param>
    /// <param name="batches">The images, without augmentation and with none left out. Their order does not matter; size, dtype and device
    /// are those of the passes.</param>
    /// <param name="maxBytes">The budget: bytes on the device of the batches, at least 0.</param>
    /// <param name="cancellationToken">Stops between two batches.</param>
    /// <returns>The cache, owned by the caller; null where <paramref name="maxBytes"/> is less than
    /// <see cref="BytesNeeded(IFeatureTap, ImageBatches)"/>.</returns>
    /// <exception cref="ArgumentException">The batches are augmented or leave images out, or the tap is not frozen.</exception>
    /// <exception cref="InvalidOperationException">An output or a feature map does not have one entry per image, or its other dimensions
    /// change from batch to batch.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public static OutputCache? TryFill(
        IFeatureTap tap, ImageBatches batches, long maxBytes, CancellationToken cancellationToken = default)
    {
        Check(tap, batches);
        ArgumentOutOfRangeException.ThrowIfNegative(maxBytes);
        TappedOutput? all = null;
        try
        {
            foreach (var batch in batches.Epoch(0))
            {
                cancellationToken.ThrowIfCancellationRequested();
                using var scope = NewDisposeScope();
                using var answer = Ask(tap, batch);
                if (all is null && BytesNeeded(answer, batch.Indices.Count, batches.Samples) > maxBytes) return null;
                all ??= answer.Map(map => map.new_empty([batches.Samples, .. map.shape[1..]]).DetachFromDisposeScope());
                Put(answer, all, batch);
            }
        }
        catch
        {
            all?.Dispose();
            throw;
        }
        return new OutputCache(all!);
    }

    /// <summary>The output and feature maps of some images, as a pass of them would have given.</summary>
    /// <param name="samples">Their positions in the data set, in any order: <see cref="ImageBatch.Indices"/>.</param>
    /// <returns>New tensors, owned by the caller, and by the caller's dispose scope if there is one.</returns>
    /// <exception cref="ArgumentOutOfRangeException">There are no samples, or one is outside the data set.</exception>
    public TappedOutput Select(IReadOnlyList<long> samples)
    {
        ArgumentNullException.ThrowIfNull(samples);
        if (samples.Count == 0) throw new ArgumentOutOfRangeException(nameof(samples), "There are no samples; name at least one.");
        // Once, because each reading of a shape is a native call.
        var count = Count;
        foreach (var sample in samples)
        {
            if (sample < 0 || sample >= count)
                throw new ArgumentOutOfRangeException(nameof(samples), sample, $"The cache has images 0 to {count - 1}.");
        }
        using var positions = Transfer.Of([.. samples], _all.Output.device);
        return _all.Map(map => map.index_select(0, positions));
    }

    /// <summary>Frees the outputs and feature maps.</summary>
    public void Dispose() => _all.Dispose();

    private static void Check(IFeatureTap tap, ImageBatches batches)
    {
        ArgumentNullException.ThrowIfNull(tap);
        ArgumentNullException.ThrowIfNull(batches);
        if (batches.Options.Augmentation is not null)
            throw new ArgumentException(
                "The batches are augmented, so the network sees other images in every epoch and nothing can be kept. Set Augmentation to " +
                "null.", nameof(batches));
        if (batches.Options.DropLast)
            throw new ArgumentException("DropLast leaves images out; set it to false, so that all outputs are known.", nameof(batches));
    }

    private static TappedOutput Ask(IFeatureTap tap, ImageBatch batch)
    {
        var answer = tap.Forward(batch.Images);
        try
        {
            foreach (var map in answer.Tensors)
            {
                if (map.requires_grad)
                    throw new ArgumentException(
                        "The tap keeps a graph for gradients, so its network can change; make it by FeatureTap.AttachFrozen.", nameof(tap));
                if (map.dim() == 0 || map.shape[0] != batch.Indices.Count)
                    throw new InvalidOperationException(
                        $"For {batch.Indices.Count} images the network gives a tensor of shape {TensorGuard.Shape(map)}; the first " +
                        "dimension must count the images.");
            }
            return answer;
        }
        catch
        {
            answer.Dispose();
            throw;
        }
    }

    private static long BytesNeeded(TappedOutput answer, int images, int all) =>
        answer.Tensors.Sum(map => map.numel() / images * map.ElementSize) * all;

    private static void Put(TappedOutput answer, TappedOutput all, ImageBatch batch)
    {
        using var positions = Transfer.Of([.. batch.Indices], answer.Output.device);
        foreach (var (map, kept) in answer.Tensors.Zip(all.Tensors))
        {
            if (!map.shape.AsSpan(1).SequenceEqual(kept.shape.AsSpan(1)))
                throw new InvalidOperationException(
                    $"The network gives tensors of shape {TensorGuard.Shape(map)} for one batch and of {TensorGuard.Shape(kept)} for all " +
                    "images; only the first dimension may change.");
            kept.index_copy_(0, positions, map);
        }
    }
}

namespace Ardir.Core;

/// <summary>Options of <see cref="ImageBatches"/>.</summary>
public sealed record ImageBatchOptions
{
    /// <summary>Images per batch, at least 1.</summary>
    /// <value>128 by default.</value>
    public int BatchSize { get; init; } = 128;

    /// <summary>Draws the images in a different random order in each epoch; otherwise in the order of the data set.</summary>
    /// <value>true by default.</value>
    public bool Shuffle { get; init; } = true;

    /// <summary>Leaves out a last batch that is smaller than the others.</summary>
    /// <value>false by default.</value>
    public bool DropLast { get; init; }

    /// <summary>Random shift and flip, drawn anew in each epoch; null for none.</summary>
    /// <value>null by default.</value>
    public ImageAugmentation? Augmentation { get; init; }

    /// <summary>Seed that the order and the augmentation of every epoch are derived from.</summary>
    /// <value>0 by default.</value>
    public ulong Seed { get; init; }

    /// <summary>Floating dtype of the images.</summary>
    /// <value>float32 by default.</value>
    public ScalarType DType { get; init; } = ScalarType.Float32;

    /// <summary>
    /// The device that batches are moved to and augmented on. For a data set that does not fit on a GPU: leave it on the CPU and name the
    /// GPU here; each batch is then gathered as bytes into pinned memory and copied asynchronously.
    /// </summary>
    /// <value>null by default: the data set's device.</value>
    public Device? Device { get; init; }

    internal void Validate()
    {
        if (BatchSize < 1) throw new ArgumentOutOfRangeException(nameof(BatchSize), BatchSize, "BatchSize must be at least 1.");
        Floating(DType, nameof(DType));
    }

    internal static void Floating(ScalarType dtype, string name)
    {
        if (dtype is not (ScalarType.Float32 or ScalarType.Float64 or ScalarType.Float16 or ScalarType.BFloat16))
            throw new ArgumentOutOfRangeException(
                name, dtype, $"{name} must be a floating-point type: Float32, Float64, Float16 or BFloat16.");
    }
}

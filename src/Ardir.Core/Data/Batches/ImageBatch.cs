namespace Ardir.Core;

/// <summary>Some images with their labels. Belongs to the iteration it came from and is released when that goes on: clone what must stay.</summary>
public sealed class ImageBatch
{
    internal ImageBatch(Tensor images, Tensor labels, long[] indices) => (Images, Labels, Indices) = (images, labels, indices);

    /// <summary>[n,C,H,W] in [0,1], augmented if asked for, on the data set's device or that of <see cref="ImageBatchOptions.Device"/>.</summary>
    public Tensor Images { get; }

    /// <summary>int64 [n].</summary>
    public Tensor Labels { get; }

    /// <summary>The number of each image in the data set: what <c>AttackContext.SampleIndices</c> takes.</summary>
    public IReadOnlyList<long> Indices { get; }

    /// <summary>Takes the batch apart, for <c>foreach (var (images, labels) in ...)</c>.</summary>
    /// <param name="images"><see cref="Images"/>.</param>
    /// <param name="labels"><see cref="Labels"/>.</param>
    public void Deconstruct(out Tensor images, out Tensor labels) => (images, labels) = (Images, Labels);
}

namespace Ardir.Core;

/// <summary>
/// One batch of images with their labels. The iteration that produced it owns its tensors and disposes them when it moves to the next
/// batch or ends: clone what must outlive the batch.
/// </summary>
public sealed class ImageBatch
{
    internal ImageBatch(CheckedBatch batch, long[] indices) => (Checked, Indices) = (batch, indices);

    /// <summary>
    /// [n,C,H,W] in [0,1], augmented if the options ask for it, on <see cref="ImageBatchOptions.Device"/> or else the data set's device.
    /// </summary>
    public Tensor Images => Checked.Images;

    /// <summary>Class indices, int64 [n], on the same device as the images.</summary>
    public Tensor Labels => Checked.Labels;

    /// <summary>Images and labels as values that need no check, because the data set was checked when it was made: with it, as
    /// <c>AttackContext.Checked</c> and <c>DistillationInputs.Checked</c>, attacks and losses read nothing to check them.</summary>
    public CheckedBatch Checked { get; }

    /// <summary>The position of each image in the data set, in the form that <c>AttackContext.SampleIndices</c> takes.</summary>
    public IReadOnlyList<long> Indices { get; }

    /// <summary>Deconstructs the batch, for <c>foreach (var (images, labels) in ...)</c>.</summary>
    /// <param name="images"><see cref="Images"/>.</param>
    /// <param name="labels"><see cref="Labels"/>.</param>
    public void Deconstruct(out Tensor images, out Tensor labels) => (images, labels) = (Images, Labels);
}

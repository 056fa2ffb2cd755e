namespace Ardir.Core;

/// <summary>
/// Inputs and labels whose values are known to be right, so that neither an attack nor a loss reads them again: each such read waits for
/// the device. Pass it on as <c>AttackContext.Checked</c> and <c>DistillationInputs.Checked</c>. Batches of <see cref="ImageBatches"/>
/// bring theirs along (<see cref="ImageBatch.Checked"/>). Only these very tensors are taken on trust: for all others, such as those that
/// an attack selects from them, it says nothing, and they are checked as usual.
/// </summary>
/// <example><code>
/// CheckedBatch batch = CheckedBatch.Of(images, labels, classes: 10);      // reads the values, once
/// using Tensor first = attack.Perturb(model, images, labels, new AttackContext { Checked = batch });
/// using Tensor other = attack.Perturb(model, images, labels, new AttackContext { Checked = batch, Seed = 1 });
/// </code></example>
public sealed class CheckedBatch
{
    private readonly (double Minimum, double Maximum) _bounds;

    private CheckedBatch(Tensor images, Tensor labels, long classes, (double Minimum, double Maximum) bounds) =>
        (Images, Labels, Classes, _bounds) = (images, labels, classes, bounds);

    /// <summary>The inputs, floating point [N,...]. The caller keeps ownership.</summary>
    public Tensor Images { get; }

    /// <summary>Their classes, int64 [N], from 0 to <see cref="Classes"/> - 1. The caller keeps ownership.</summary>
    public Tensor Labels { get; }

    /// <summary>An upper bound on the labels; for a model with fewer classes they are checked again.</summary>
    public long Classes { get; }

    /// <summary>How many samples.</summary>
    public int Count => (int)Images.shape[0];

    /// <summary>Checks the values of a batch, which reads four numbers on the host.</summary>
    /// <param name="images">Floating point [N,...] with at least two dimensions and one sample.</param>
    /// <param name="labels">int64 [N] on the same device.</param>
    /// <param name="classes">The number of classes, at least 1.</param>
    /// <param name="minimum">The smallest value that an input may have; 0, as for images, by default.</param>
    /// <param name="maximum">The largest value that an input may have; 1 by default.</param>
    /// <returns>The batch. It does not own its tensors, and it is out of date once their values change.</returns>
    /// <exception cref="ArgumentException">Wrong dtype or shape, NaN, an input out of bounds, a label that is no class, no class at all,
    /// or bounds that are none.</exception>
    public static CheckedBatch Of(Tensor images, Tensor labels, long classes, double minimum = 0, double maximum = 1)
    {
        var batch = Trusted(images, labels, classes, minimum, maximum);
        TensorGuard.Between(images, minimum, maximum, nameof(images));
        TensorGuard.LabelRange(labels, classes);
        return batch;
    }

    /// <summary>Takes a batch on trust, for values that were checked before: pixels that were bytes, labels of a data set that was checked
    /// as a whole. Reads nothing. A label that is no class ends in an error of the native library, on a GPU a fatal one.</summary>
    /// <param name="images">As for <see cref="Of"/>; dtype and shape are checked.</param>
    /// <param name="labels">As for <see cref="Of"/>; dtype and shape are checked.</param>
    /// <param name="classes">The number of classes, at least 1.</param>
    /// <param name="minimum">No input is smaller; 0 by default.</param>
    /// <param name="maximum">No input is larger; 1 by default.</param>
    /// <returns>The batch. It does not own its tensors.</returns>
    /// <exception cref="ArgumentException">Wrong dtype or shape, no class at all, or bounds that are none.</exception>
    public static CheckedBatch Trusted(Tensor images, Tensor labels, long classes, double minimum = 0, double maximum = 1)
    {
        TensorGuard.Inputs(images);
        TensorGuard.Labels(labels, images);
        // With no class at all every label would pass for a known one, whatever the model.
        if (classes < 1) throw new ArgumentOutOfRangeException(nameof(classes), classes, "classes must be at least 1.");
        if (!double.IsFinite(minimum) || !double.IsFinite(maximum) || maximum <= minimum)
            throw new ArgumentOutOfRangeException(
                nameof(maximum), maximum, $"The bounds must be finite numbers, the upper above the lower, {minimum:R}.");
        return new CheckedBatch(images, labels, classes, (minimum, maximum));
    }

    /// <summary>Consecutive samples of the batch, which need no check either.</summary>
    /// <param name="start">Position of the first.</param>
    /// <param name="count">How many, at least 1.</param>
    /// <returns>A batch of new tensors, owned by the caller, that share the memory of these; this batch itself if it is all of
    /// it.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The batch has no such samples.</exception>
    public CheckedBatch Narrow(long start, long count)
    {
        var all = Images.shape[0];
        if (start < 0 || start >= all)
            throw new ArgumentOutOfRangeException(nameof(start), start, $"The batch has samples 0 to {all - 1}.");
        if (count < 1 || count > all - start)
            throw new ArgumentOutOfRangeException(nameof(count), count, $"From {start} on the batch has {all - start} samples.");
        return count == all
            ? this
            : new CheckedBatch(Images.narrow(0, start, count), Labels.narrow(0, start, count), Classes, _bounds);
    }

    /// <summary>Whether a tensor is the inputs of this batch, and all its values lie between two bounds.</summary>
    /// <param name="images">The tensor itself; a copy is not recognised.</param>
    /// <param name="minimum">The lower bound.</param>
    /// <param name="maximum">The upper bound.</param>
    /// <returns>Whether its values need no check.</returns>
    public bool HasImages(Tensor images, double minimum, double maximum) =>
        ReferenceEquals(images, Images) && minimum <= _bounds.Minimum && maximum >= _bounds.Maximum;

    /// <summary>Whether a tensor is the labels of this batch, and all of them are classes.</summary>
    /// <param name="labels">The tensor itself; a copy is not recognised.</param>
    /// <param name="classes">The number of classes; null when it is not known yet.</param>
    /// <returns>Whether its values need no check.</returns>
    public bool HasLabels(Tensor labels, long? classes) => ReferenceEquals(labels, Labels) && !(classes < Classes);
}

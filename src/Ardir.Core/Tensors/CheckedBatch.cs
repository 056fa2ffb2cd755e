namespace Ardir.Core;

/// <summary>
/// Marks one batch as already checked. Until this is disposed, <see cref="TensorGuard"/> on this thread does not read the values of that
/// batch again, because each read waits for the device. Only these tensor objects are exempt: tensors that an attack or a loss derives
/// from them are checked as usual.
/// </summary>
/// <example><code>
/// using var batch = new CheckedBatch(images, labels, trainSet.ClassNames.Count);
/// using Tensor adversarial = attack.Perturb(student, images, labels, context);
/// </code></example>
public sealed class CheckedBatch : IDisposable
{
    [ThreadStatic]
    private static CheckedBatch? _current;

    private readonly CheckedBatch? _outer = _current;
    private readonly HashSet<Tensor> _images = new(ReferenceEqualityComparer.Instance);
    private readonly HashSet<Tensor> _labels = new(ReferenceEqualityComparer.Instance);
    private readonly long _classes;

    /// <summary>Marks a batch whose values the caller has checked.</summary>
    /// <param name="images">Finite and in [0,1].</param>
    /// <param name="labels">From 0 to <paramref name="classes"/> - 1.</param>
    /// <param name="classes">An upper bound; for a model with fewer classes the labels are checked again.</param>
    public CheckedBatch(Tensor images, Tensor labels, long classes)
    {
        _images.Add(images);
        _labels.Add(labels);
        _classes = classes;
        _current = this;
    }

    /// <summary>Whether this thread works on a checked batch, so that reads from the device should be avoided.</summary>
    public static bool IsOpen => _current is not null;

    /// <summary>Whether this thread works on a batch whose images these are.</summary>
    /// <param name="images">The tensor itself; a copy is not recognised.</param>
    /// <returns>Whether their values need no check.</returns>
    public static bool HasImages(Tensor images) => _current is { } batch && batch._images.Contains(images);

    /// <summary>Whether this thread works on a batch whose labels these are.</summary>
    /// <param name="labels">The tensor itself; a copy is not recognised.</param>
    /// <param name="classes">The number of classes that the labels must stay below; null when it is not known.</param>
    /// <returns>Whether their values need no check.</returns>
    public static bool HasLabels(Tensor labels, long? classes) =>
        _current is { } batch && batch._labels.Contains(labels) && !(classes < batch._classes);

    /// <summary>Marks some samples of a checked batch as checked too.</summary>
    /// <param name="part">Images or labels selected from the batch.</param>
    /// <param name="whole">The batch's own tensor; nothing happens where it is not.</param>
    public static void Vouch(Tensor part, Tensor whole)
    {
        if (_current is not { } batch) return;
        if (batch._images.Contains(whole)) batch._images.Add(part);
        if (batch._labels.Contains(whole)) batch._labels.Add(part);
    }

    /// <summary>Ends this; the batch around it, if there is one, counts again.</summary>
    public void Dispose() => _current = _outer;
}

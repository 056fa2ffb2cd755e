namespace Ardir.Core;

/// <summary>
/// While it lives, <see cref="TensorGuard"/> on this thread does not look again at the values of one batch that is known to be sound: to look is to wait
/// for the device. It goes by the very tensors: whatever an attack or a loss derives from them is checked as ever.
/// </summary>
internal sealed class CheckedBatch : IDisposable
{
    [ThreadStatic]
    private static CheckedBatch? _current;

    private readonly CheckedBatch? _outer = _current;
    private readonly HashSet<Tensor> _images = new(ReferenceEqualityComparer.Instance);
    private readonly HashSet<Tensor> _labels = new(ReferenceEqualityComparer.Instance);
    private readonly long _classes;

    /// <summary>Vouches for a batch.</summary>
    /// <param name="images">Finite and in [0,1].</param>
    /// <param name="labels">From 0 to <paramref name="classes"/> - 1.</param>
    /// <param name="classes">An upper bound; a model with fewer classes has its labels checked after all.</param>
    public CheckedBatch(Tensor images, Tensor labels, long classes)
    {
        _images.Add(images);
        _labels.Add(labels);
        _classes = classes;
        _current = this;
    }

    /// <summary>Whether this thread works on such a batch, so that nothing should be read that need not be.</summary>
    public static bool IsOpen => _current is not null;

    public static bool HasImages(Tensor images) => _current is { } batch && batch._images.Contains(images);

    public static bool HasLabels(Tensor labels, long? classes) => _current is { } batch && batch._labels.Contains(labels) && !(classes < batch._classes);

    /// <summary>What holds for a batch holds for some of its samples.</summary>
    public static void Vouch(Tensor part, Tensor whole)
    {
        if (_current is not { } batch) return;
        if (batch._images.Contains(whole)) batch._images.Add(part);
        if (batch._labels.Contains(whole)) batch._labels.Add(part);
    }

    public void Dispose() => _current = _outer;
}

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
    private readonly Tensor _images;
    private readonly Tensor _labels;
    private readonly long _classes;

    /// <summary>Vouches for a batch.</summary>
    /// <param name="images">Finite and in [0,1].</param>
    /// <param name="labels">From 0 to <paramref name="classes"/> - 1.</param>
    /// <param name="classes">An upper bound; a model with fewer classes has its labels checked after all.</param>
    public CheckedBatch(Tensor images, Tensor labels, long classes)
    {
        (_images, _labels, _classes) = (images, labels, classes);
        _current = this;
    }

    /// <summary>Vouches for a part of the batch at work, if there is one.</summary>
    public static CheckedBatch? ForPart(Tensor images, Tensor labels) => _current is { } whole ? new CheckedBatch(images, labels, whole._classes) : null;

    /// <summary>Whether this thread works on such a batch, so that nothing should be read that need not be.</summary>
    public static bool IsOpen => _current is not null;

    public static bool HasImages(Tensor images) => _current is { } batch && ReferenceEquals(batch._images, images);

    public static bool HasLabels(Tensor labels, long? classes) => _current is { } batch && ReferenceEquals(batch._labels, labels) && !(classes < batch._classes);

    public void Dispose() => _current = _outer;
}

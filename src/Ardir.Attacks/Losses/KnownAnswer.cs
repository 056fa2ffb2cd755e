using Ardir.Core;

namespace Ardir.Attacks;

/// <summary>
/// Logits of a model on the images that are about to be attacked on this thread, for a loss that would otherwise run the model again.
/// They are returned only once, because a later request may be about a subset of the images.
/// </summary>
internal sealed class KnownAnswer : IDisposable
{
    [ThreadStatic]
    private static KnownAnswer? _current;

    private readonly KnownAnswer? _outer = _current;
    private readonly IModule _model;
    private Tensor? _logits;

    public KnownAnswer(IModule model, Tensor logits)
    {
        (_model, _logits) = (model, logits);
        _current = this;
    }

    /// <summary>The logits, [N,K], if they are known for this model and number of images; null otherwise.</summary>
    public static Tensor? Take(IModule model, long images)
    {
        if (_current is not { } known || !ReferenceEquals(known._model, model)) return null;
        if (known._logits is not { } logits || logits.shape[0] != images) return null;
        known._logits = null;
        return logits;
    }

    public void Dispose() => _current = _outer;
}

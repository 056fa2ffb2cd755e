namespace Ardir.Core;

/// <summary>The class that a classifier's logits choose, as every evaluation of the library reads it.</summary>
public static class Predictions
{
    /// <summary>The class with the largest logit; the lowest index on ties, which libtorch's argmax does not guarantee. A row with NaN
    /// gives K, the number of classes, which is not a valid class.</summary>
    /// <param name="logits">Floating point [N,K].</param>
    /// <returns>int64 [N] from 0 to K, on the device of the logits, without a gradient, owned by the caller.</returns>
    public static Tensor Of(Tensor logits)
    {
        ArgumentNullException.ThrowIfNull(logits);
        using var scope = NewDisposeScope();
        var detached = logits.detach();
        var classes = arange(detached.shape[1], device: detached.device);
        var isTop = detached == detached.amax(new long[] { 1 }, true);
        return where(isTop, classes, full_like(classes, detached.shape[1])).amin(new long[] { 1 }).MoveToOuterDisposeScope();
    }
}

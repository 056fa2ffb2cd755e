namespace Ardir.Core;

internal static class Predictions
{
    /// <summary>The class with the largest logit, int64 [N]; the lowest index on ties, which libtorch's argmax does not guarantee. A
    /// row with NaN gives K, the number of classes, which is not a valid class.</summary>
    public static Tensor Of(Tensor logits)
    {
        using var scope = NewDisposeScope();
        var detached = logits.detach();
        var classes = arange(detached.shape[1], device: detached.device);
        var isTop = detached == detached.amax(new long[] { 1 }, true);
        return where(isTop, classes, full_like(classes, detached.shape[1])).amin(new long[] { 1 }).MoveToOuterDisposeScope();
    }
}

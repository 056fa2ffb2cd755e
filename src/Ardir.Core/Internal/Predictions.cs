namespace Ardir.Core;

internal static class Predictions
{
    /// <summary>The class with the largest logit [N]; the lowest index on ties, which libtorch's argmax does not promise. A row with NaN gives K, which is no class.</summary>
    public static Tensor Of(Tensor logits)
    {
        using var scope = NewDisposeScope();
        var detached = logits.detach();
        var classes = arange(detached.shape[1], device: detached.device);
        var isTop = detached == detached.amax(new long[] { 1 }, true);
        return where(isTop, classes, full_like(classes, detached.shape[1])).amin(new long[] { 1 }).MoveToOuterDisposeScope();
    }
}

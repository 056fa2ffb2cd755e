using Ardir.Core;

namespace Ardir.Attacks;

/// <summary>Refuses model outputs that are not logits before they are used: in a native kernel they would cause an obscure error, on
/// a GPU a fatal one.</summary>
internal static class LogitsGuard
{
    /// <summary>Throws unless these are logits [N,K] of as many classes as before.</summary>
    /// <param name="logits">What the model returned.</param>
    /// <param name="points">The images that they belong to, [N,C,H,W].</param>
    /// <param name="classes">How many classes the model returned before; 0 at the first call.</param>
    public static void Check(Tensor logits, Tensor points, long classes)
    {
        if (logits.IsInvalid)
            throw new InvalidOperationException(
                "The model returned a tensor that has been disposed. Let it move its result out of its dispose scope: " +
                "MoveToOuterDisposeScope().");
        if (logits.is_sparse)
            throw new InvalidOperationException(
                "The model returned a sparse tensor; expected dense logits [N,K]. Call to_dense() on it.");
        if (!logits.is_floating_point() || logits.dim() != 2 || logits.shape[0] != points.shape[0])
            throw new InvalidOperationException(
                $"The model returned {logits.dtype} {TensorGuard.Shape(logits)} for {points.shape[0]} images; expected floating-point " +
                $"logits [{points.shape[0]},K].");
        if (logits.shape[1] < 2)
            throw new InvalidOperationException(
                $"The model returned {(logits.shape[1] == 1 ? "one value" : "no value")} per image; expected logits of at least two " +
                "classes. For a single score s return [-s, s].");
        if (classes != 0 && logits.shape[1] != classes)
            throw new InvalidOperationException($"The model returned {logits.shape[1]} classes after {classes} before.");
        if (!TensorGuard.AreOnSameDevice(logits, points))
            throw new InvalidOperationException(
                $"The model returned logits on {logits.device} for images on {points.device}; move the model to the images' device.");
    }
}

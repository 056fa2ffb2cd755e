using Ardir.Core;

namespace Ardir.Attacks;

/// <summary>Validates what a third-party attack returns, with a clear exception instead of a native error later.</summary>
internal static class AttackAnswer
{
    /// <summary>Throws unless these are images like those that the attack was given.</summary>
    /// <param name="attack">The attack that returned them.</param>
    /// <param name="points">What it returned.</param>
    /// <param name="images">What it was given, [n,C,H,W].</param>
    /// <returns>The points, detached.</returns>
    public static Tensor Check(IAttack attack, Tensor? points, Tensor images)
    {
        if (points is null)
            throw new InvalidOperationException($"The attack {attack.Name} returned null; expected images {TensorGuard.Shape(images)}.");
        if (points.IsInvalid) throw new InvalidOperationException($"The attack {attack.Name} returned a tensor that has been disposed.");
        if (!points.shape.AsSpan().SequenceEqual(images.shape) || points.dtype != images.dtype
            || !TensorGuard.AreOnSameDevice(points, images))
            throw new InvalidOperationException(
                $"The attack {attack.Name} returned {points.dtype} {TensorGuard.Shape(points)} on {points.device}; expected " +
                $"{images.dtype} {TensorGuard.Shape(images)} on {images.device}.");
        return points.detach();
    }
}

using Ardir.Core;

namespace Ardir.Attacks;

/// <summary>Validates what an attack or one of its units returns, with a clear exception instead of an error of the native library
/// later, which may end the process.</summary>
internal static class AttackAnswer
{
    /// <summary>Throws unless these are images like those that the attack was given.</summary>
    /// <param name="attack">The attack that returned them.</param>
    /// <param name="points">What it returned.</param>
    /// <param name="images">What it was given, [n,...].</param>
    /// <returns>The points, detached: whoever trains on them must not descend through the attack.</returns>
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

    /// <summary>Throws unless this is the outcome of a unit that was given these images.</summary>
    /// <param name="attack">The attack whose unit it is.</param>
    /// <param name="outcome">What the unit returned.</param>
    /// <param name="images">What it was given, [n,...].</param>
    /// <returns>The outcome; its points are detached.</returns>
    public static UnitOutcome Check(UnitAttack attack, UnitOutcome outcome, Tensor images)
    {
        var points = Check(attack, outcome.Points, images);
        // Indexing with another dtype than bool would select other samples, or end the process.
        if (outcome.Broken is { IsInvalid: false, dtype: ScalarType.Bool } broken && broken.dim() == 1
            && broken.shape[0] == images.shape[0] && TensorGuard.AreOnSameDevice(broken, images))
            return outcome with { Points = points };
        var returned = outcome.Broken is null ? "null"
            : outcome.Broken.IsInvalid ? "a tensor that has been disposed"
            : $"{outcome.Broken.dtype} {TensorGuard.Shape(outcome.Broken)} on {outcome.Broken.device}";
        throw new InvalidOperationException(
            $"A unit of the attack {attack.Name} returned {returned} as {nameof(UnitOutcome.Broken)}; expected {ScalarType.Bool} " +
            $"[{images.shape[0]}] on {images.device}.");
    }
}

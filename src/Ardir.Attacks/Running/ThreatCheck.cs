using Ardir.Core;

namespace Ardir.Attacks;

/// <summary>Finds a threat model of the user's whose projection contradicts itself. Its points would count for nothing, so that a model
/// would look robust, or the attack or the model would be blamed for it.</summary>
internal static class ThreatCheck
{
    /// <summary>Throws if points lie outside of the threat set because its projection does not lead there. Reads from the device, but not
    /// for norm balls.</summary>
    /// <param name="threat">The threat model.</param>
    /// <param name="images">Clean inputs, [N,...].</param>
    /// <param name="points">What an attack has found or starts from, [N,...].</param>
    /// <returns>Which points lie in the threat set, bool [N]; null for norm balls, which are not asked.</returns>
    /// <exception cref="InvalidOperationException">The projection of finite points is outside.</exception>
    public static Tensor? Ensure(ThreatModel threat, Tensor images, Tensor points)
    {
        if (threat is NormThreatModel) return null;
        using var scope = NewDisposeScope();
        var inside = threat.Contains(images, points);
        if (HostRead.Bool(inside.all())) return inside.MoveToOuterDisposeScope();
        // An attack may return what it likes, and NaN comes from the model as well: only what becomes of finite points shows who is at
        // fault.
        var projected = threat.Project(images, where(points.isfinite(), points, images), checkValues: false);
        var outside = HostRead.Int64(threat.Contains(images, projected).logical_not().sum());
        if (outside == 0) return inside.MoveToOuterDisposeScope();
        throw new InvalidOperationException(
            $"The threat model {threat} ({threat.GetType()}) does not contain what its own projection returned, for {outside} of " +
            $"{images.shape[0]} inputs. Let ProjectCore return finite points within [{threat.Minimum:R},{threat.Maximum:R}] that come " +
            "back unchanged when they are projected once more.");
    }
}

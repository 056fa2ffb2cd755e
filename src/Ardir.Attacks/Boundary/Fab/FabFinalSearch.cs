using Ardir.Core;

namespace Ardir.Attacks;

/// <summary>The search of the original FAB on the segment from an image to the adversarial point found for it.</summary>
internal static class FabFinalSearch
{
    private const int Steps = 3;
    private const double Overshoot = 0.01;

    /// <summary>Moves found points nearer to their images where they stay adversarial.</summary>
    /// <param name="run">All samples of the unit.</param>
    /// <param name="found">Adversarial where the distance is finite; changed in place.</param>
    /// <param name="distance">float64 [n]; changed in place.</param>
    public static void Improve(AttackRun run, Tensor found, Tensor distance)
    {
        using var scope = NewDisposeScope();
        var rows = HostRead.Rows(distance.isfinite());
        if (rows.numel() == 0) return;
        var part = run.Select(rows);
        var (near, far) = (part.Images, found.index_select(0, rows));
        var (missing, beyond) = (part.Advantage(part.CleanLogits), part.Advantage(part.Logits(far)));
        for (var step = 0; step < Steps; step++)
        {
            // Where a line through both values crosses zero, and a little further, because exactly there rounding would decide. The middle
            // if that is not between the two points.
            var share = missing / (missing - beyond);
            var isBetween = share.isfinite().logical_and_(share > 0).logical_and_(share < 1);
            share = where(isBetween, share * (1 - Overshoot) + Overshoot, 0.5 * ones_like(share));
            var middle = near.lerp(far, PerSample.Of(share, far)).clamp_(0, 1);
            var logits = part.Logits(middle);
            var (success, value) = (part.IsAdversarial(logits), part.Advantage(logits));
            far = where(PerSample.Of(success, far), middle, far);
            near = where(PerSample.Of(success, near), near, middle);
            (missing, beyond) = (where(success, missing, value), where(success, value, beyond));
        }
        var length = FabEngine.Length(part.Threat, part.Images, far);
        var nearer = HostRead.Rows(length < distance[rows]);
        if (nearer.numel() == 0) return;
        found.index_copy_(0, rows[nearer], far[nearer]);
        distance.index_copy_(0, rows[nearer], length[nearer]);
    }
}

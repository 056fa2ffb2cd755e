namespace Ardir.Core;

/// <summary>
/// Exact projection onto the L1 ball and the box: each coordinate moves by max(0, min(|d|-lambda, cap)) with cap = min(|d|, room)
/// (Croce and Hein 2021, "Mind the box"). It is computed in float64, because float32 overshoots the radius by up to 7e-6.
/// </summary>
internal static class L1Projection
{
    /// <summary>Both tensors [n,d].</summary>
    public static Tensor Project(Tensor reference, Tensor candidate, double epsilon)
    {
        if (reference.device_type == DeviceType.CPU && reference.dtype == ScalarType.Float32)
            return L1RowProjection.Project(reference, candidate, epsilon);
        var size = (candidate - reference).abs();
        var most = HostRead.Int64(size.count_nonzero(new long[] { 1 }).max());
        if (most == 0 || most > reference.shape[1] / 2) return Sorting(reference, candidate, epsilon);
        // Attacks in this norm move few coordinates, and only these need to be converted to float64 and sorted.
        var (_, order) = size.topk((int)most, 1, true, false);
        return reference.scatter(1, order, Sorting(reference.gather(1, order), candidate.gather(1, order), epsilon));
    }

    /// <summary>The L1 norm of the move is piecewise linear in lambda, so its segment is found by sorting the 2d breakpoints and the
    /// equation is solved exactly on that segment.</summary>
    public static Tensor Sorting(Tensor reference, Tensor candidate, double epsilon)
    {
        var x = reference.to(ScalarType.Float64);
        var d = candidate.to(ScalarType.Float64) - x;
        var room = where(d > 0, 1 - x, x).clamp_min(0);
        var size = d.abs();
        var cap = minimum(size, room);
        var outside = NormBall.IsBeyond(cap.sum(1), epsilon);
        var moved = cap;
        if (HostRead.Bool(outside.any()))
        {
            var threshold = Polished(Threshold(size, cap, epsilon), size, cap, epsilon);
            var lambda = where(outside.unsqueeze(1), threshold, zeros_like(threshold));
            moved = minimum(size - lambda, cap).clamp_min_(0);
        }
        var projected = NormBall.RoundInward(x, moved * d.sign(), reference.dtype).clamp_(0, 1);
        var inside = outside.logical_not().logical_and((size <= room).all(1));
        return where(inside.unsqueeze(1), candidate, projected);
    }

    // Cumulative sums over thousands of breakpoints lose a few digits of lambda; one Newton step on the linear segment restores them.
    private static Tensor Polished(Tensor lambda, Tensor size, Tensor cap, double epsilon)
    {
        var left = size - lambda;
        var excess = minimum(left, cap).clamp_min_(0).sum(1, keepdim: true) - epsilon;
        var falling = (left > 0).logical_and(left < cap).sum(1, keepdim: true);
        return lambda + excess / falling.clamp_min(1);
    }

    private static Tensor Threshold(Tensor size, Tensor cap, double epsilon)
    {
        // Coordinate i contributes cap_i until lambda = |d_i| - cap_i, then falls with slope 1 to 0 at lambda = |d_i|.
        var count = size.shape[1];
        var breaks = cat(new[] { size - cap, size }, 1);
        var (sorted, order) = breaks.sort(1);
        // The number of coordinates that shrink to the right of each breakpoint.
        var slope = where(order < count, 1.0, -1.0).to(ScalarType.Float64).cumsum(1);
        var widths = sorted.narrow(1, 1, 2 * count - 1) - sorted.narrow(1, 0, 2 * count - 1);
        var lost = (slope.narrow(1, 0, 2 * count - 1) * widths).cumsum(1);
        var excess = cap.sum(1, keepdim: true) - epsilon;
        var segment = searchsorted(lost.contiguous(), excess.contiguous()).clamp_max(2 * count - 2);
        var lostBefore = where(segment > 0, lost.gather(1, (segment - 1).clamp_min(0)), zeros_like(excess));
        return sorted.gather(1, segment) + (excess - lostBefore) / slope.gather(1, segment).clamp_min(1);
    }
}

namespace Ardir.Core;

internal sealed class L1Ball : NormBall
{
    public static readonly L1Ball Instance = new();

    public override Tensor Norm(Tensor flat) => flat.abs().sum(1);

    /// <summary>
    /// Exact projection onto the L1 ball and the box: each coordinate moves by max(0, min(|d|-lambda, cap)) with cap = min(|d|, room)
    /// (Croce and Hein 2021, "Mind the box"). The length is piecewise linear in lambda, so the segment is found by sorting the
    /// 2d breakpoints and solved exactly. In float64: float32 overshoots the radius by up to 7e-6.
    /// </summary>
    public override Tensor Project(Tensor reference, Tensor candidate, double epsilon)
    {
        var (x, y) = (reference.flatten(1), candidate.flatten(1));
        var size = (y - x).abs();
        var most = HostRead.Int64(size.count_nonzero(new long[] { 1 }).max());
        if (most == 0 || most > x.shape[1] / 2) return ProjectFlat(x, y, epsilon).reshape(reference.shape);
        // Attacks in this norm move few coordinates, and only those need the float64 and the sorting.
        var (_, order) = size.topk((int)most, 1, true, false);
        return x.scatter(1, order, ProjectFlat(x.gather(1, order), y.gather(1, order), epsilon)).reshape(reference.shape);
    }

    public override Tensor Ascent(Tensor gradient) => Normalized(gradient);

    /// <summary>Sparse L1 descent (Tramer and Boneh 2019): the sign of the gradient on its top fraction, scaled to unit L1 length.</summary>
    public override Tensor SparseAscent(Tensor gradient, double fraction)
    {
        var flat = gradient.flatten(1);
        var size = flat.abs();
        var kept = Math.Clamp((int)Math.Ceiling(fraction * flat.shape[1]), 1, (int)flat.shape[1]);
        var (top, _) = size.topk(kept, 1, true, false);
        var mask = (size >= top.amin(new long[] { 1 }, true)).logical_and(size > 0);
        return Normalized((flat.sign() * mask.to(flat.dtype)).reshape(gradient.shape));
    }

    /// <summary>Uniform in the ball: exponential gaps make a uniform point of the simplex; one more coordinate gives the radius.</summary>
    public override Tensor Uniform(Tensor like, double epsilon, SampleStreams streams)
    {
        var exponential = streams.Uniform(like, 0, 1).to(ScalarType.Float64).clamp_min_(1e-300).log_().neg_();
        var last = streams.UniformPerSample(like, 0, 1).to(ScalarType.Float64).clamp_min_(1e-300).log_().neg_();
        var total = exponential.flatten(1).sum(1) + last;
        return (exponential / PerSample(total, like)).mul_(epsilon).to(like.dtype) * streams.Signs(like);
    }

    public override Tensor RandomRadius(Tensor like, double epsilon, SampleStreams streams)
    {
        var laplace = streams.Uniform(like, 0, 1).clamp_min_(1e-30).log_() * streams.Signs(like);
        return Normalized(laplace) * PerSample(streams.UniformPerSample(like, 0, epsilon), like);
    }

    public override Tensor DualNorm(Tensor flat) => flat.abs().amax(new long[] { 1 });

    /// <summary>
    /// Coordinates move in the order of |w|, each as far as the box lets it, the last one by what is left. A few of them usually suffice, so only the
    /// largest are sorted at first.
    /// </summary>
    public override Tensor ToHyperplane(Tensor points, Tensor normal, Tensor excess)
    {
        var count = normal.shape[1];
        var need = excess.abs();
        for (var kept = Math.Min(count, Math.Max(32, count / 16)); ; kept = Math.Min(count, 4 * kept))
        {
            var scope = NewDisposeScope();
            var (steepest, order) = normal.abs().topk((int)kept, 1, true, true);
            var at = order.unsqueeze(0).expand(points.shape[0], -1, -1);
            var direction = HyperplaneMove.Direction(normal.gather(1, order), excess);
            var room = HyperplaneMove.Room(points.gather(2, at), direction);
            var gains = room * steepest;
            var total = gains.cumsum(2);
            if (kept == count || HostRead.Bool((total.narrow(2, kept - 1, 1) >= need).all()))
            {
                var before = total - gains;
                var moved = minimum(((need - before) / steepest.clamp_min(1e-37)).clamp_min_(0), room).mul_(direction);
                var result = zeros_like(points).scatter_(2, at, moved).MoveToOuterDisposeScope();
                scope.Dispose();
                return result;
            }
            scope.Dispose();
        }
    }

    private static Tensor ProjectFlat(Tensor reference, Tensor candidate, double epsilon)
    {
        var x = reference.to(ScalarType.Float64);
        var d = candidate.to(ScalarType.Float64) - x;
        var room = where(d > 0, 1 - x, x).clamp_min(0);
        var size = d.abs();
        var cap = minimum(size, room);
        var outside = IsBeyond(cap.sum(1), epsilon);
        var moved = cap;
        if (HostRead.Bool(outside.any()))
        {
            var threshold = Polished(Threshold(size, cap, epsilon), size, cap, epsilon);
            var lambda = where(outside.unsqueeze(1), threshold, zeros_like(threshold));
            moved = minimum(size - lambda, cap).clamp_min_(0);
        }
        var projected = RoundInward(x, moved * d.sign(), reference.dtype).clamp_(0, 1);
        var inside = outside.logical_not().logical_and((size <= room).all(1));
        return where(inside.unsqueeze(1), candidate, projected);
    }

    // The running sums over thousands of breakpoints cost a few digits; on the piece they found, one Newton step gives them back.
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
        var slope = where(order < count, 1.0, -1.0).to(ScalarType.Float64).cumsum(1);   // coordinates falling to the right of each break
        var widths = sorted.narrow(1, 1, 2 * count - 1) - sorted.narrow(1, 0, 2 * count - 1);
        var lost = (slope.narrow(1, 0, 2 * count - 1) * widths).cumsum(1);
        var excess = cap.sum(1, keepdim: true) - epsilon;
        var segment = searchsorted(lost.contiguous(), excess.contiguous()).clamp_max(2 * count - 2);
        var lostBefore = where(segment > 0, lost.gather(1, (segment - 1).clamp_min(0)), zeros_like(excess));
        return sorted.gather(1, segment) + (excess - lostBefore) / slope.gather(1, segment).clamp_min(1);
    }
}

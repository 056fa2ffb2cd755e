namespace Ardir.Core;

internal sealed class L2Ball : NormBall
{
    public static readonly L2Ball Instance = new();

    private const int MaxNewtonSteps = 100;

    public override bool ClampsOnDevice => true;

    public override Tensor Norm(Tensor flat) => EuclideanLength.Of(flat);

    /// <summary>
    /// The nearest feasible point is x + sign(d) * min(s*|d|, room) for one s in [0,1] per sample, where d = y - x and room is what the
    /// box leaves in that direction (Karush-Kuhn-Tucker conditions of the ball constraint). The squared norm is increasing and
    /// piecewise quadratic in s; Newton's method on each piece, s^2 = (eps^2 - saturated) / free, only saturates more coordinates
    /// and so ends exactly after finitely many steps.
    /// </summary>
    public override Tensor Project(Tensor reference, Tensor candidate, double epsilon)
    {
        var x = reference.flatten(1).to(ScalarType.Float64);
        var d = candidate.flatten(1).to(ScalarType.Float64) - x;
        var room = where(d > 0, 1 - x, x).clamp_min(0);
        var size = d.abs();
        var boxed = minimum(size, room);
        var outside = IsBeyond(boxed.square().sum(1).sqrt(), epsilon);
        var s = ones_like(size.narrow(1, 0, 1));
        if (HostRead.Bool(outside.any()))
            s = where(outside.unsqueeze(1), Scale(size, room, epsilon), s);

        var moved = minimum(size * s, room) * d.sign();
        var projected = RoundInward(x, moved, reference.dtype).clamp_(0, 1).reshape(reference.shape);
        // Samples that are already inside are returned bit for bit, which makes the projection idempotent.
        var inside = outside.logical_not().logical_and((size <= room).all(1));
        return where(PerSample.Of(inside, candidate), candidate, projected);
    }

    public override Tensor BallThenBox(Tensor reference, Tensor candidate, double epsilon)
    {
        var delta = candidate - reference;
        var length = PerSample.Of(Norm(delta.flatten(1)).clamp_min(Tiny), delta);
        return delta.mul_((epsilon / length).clamp_max_(1)).add_(reference).clamp_(0, 1);
    }

    public override Tensor Ascent(Tensor gradient) => Normalized(gradient);

    public override Tensor Uniform(Tensor like, double epsilon, SampleStreams streams)
    {
        var d = like.numel() / like.shape[0];
        var direction = Normalized(streams.Normal(like));
        return direction * PerSample.Of(streams.UniformPerSample(like, 0, 1).pow(1.0 / d).mul(epsilon), like);
    }

    public override Tensor RandomRadius(Tensor like, double epsilon, SampleStreams streams) =>
        Normalized(streams.Normal(like)) * PerSample.Of(streams.UniformPerSample(like, 0, epsilon), like);

    public override Tensor DualNorm(Tensor flat) => Norm(flat);

    private static Tensor Scale(Tensor size, Tensor room, double epsilon)
    {
        // The first s assumes that no coordinate is limited by the box. It is too small, so the iterates rise monotonically to the
        // solution.
        var s = epsilon / EuclideanLength.Of(size, keepDimension: true).clamp_min(Tiny);
        for (var step = 0; step < MaxNewtonSteps; step++)
        {
            var free = size * s < room;
            var saturated = where(free, zeros_like(room), room).square().sum(1, keepdim: true);
            var rest = where(free, size, zeros_like(size)).square().sum(1, keepdim: true);
            var next = ((epsilon * epsilon - saturated).clamp_min(0) / rest.clamp_min(Tiny)).sqrt().clamp_max(1);
            next = maximum(next, s);
            if (HostRead.Bool(next.equal(s).all())) break;
            s = next;
        }
        return s;
    }
}

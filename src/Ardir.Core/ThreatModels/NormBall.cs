namespace Ardir.Core;

/// <summary>
/// All operations that depend on the norm, so that no attack has to distinguish the norms. Inputs are not checked here; flat tensors are
/// [N,d].
/// </summary>
internal abstract class NormBall
{
    /// <summary>Keeps a division by the norm of a zero gradient finite.</summary>
    protected const double Tiny = 1e-12;

    private const double Slack = 1e-12;

    /// <summary>Per-sample norm of a flat [N,d] tensor: [N].</summary>
    public abstract Tensor Norm(Tensor flat);

    /// <summary>Exact Euclidean projection onto ball and box.</summary>
    public abstract Tensor Project(Tensor reference, Tensor candidate, double epsilon);

    /// <summary>The projection that PGD applies after each move: onto the ball, then onto the box. The result is feasible, and cheaper than
    /// that of <see cref="Project"/> where the two differ.</summary>
    public virtual Tensor BallThenBox(Tensor reference, Tensor candidate, double epsilon) => Project(reference, candidate, epsilon);

    /// <summary>Whether <see cref="BallThenBox"/> works without reading values on the host.</summary>
    public virtual bool ClampsOnDevice => false;

    /// <summary>Direction of steepest ascent, of norm 1 (the sign for Linf, g/||g|| otherwise).</summary>
    public abstract Tensor Ascent(Tensor gradient);

    /// <summary>The direction PGD uses; only L1 differs from <see cref="Ascent"/> (sparse descent).</summary>
    public virtual Tensor SparseAscent(Tensor gradient, double fraction) => Ascent(gradient);

    /// <summary>A perturbation uniform in the ball of radius epsilon.</summary>
    public abstract Tensor Uniform(Tensor like, double epsilon, SampleStreams streams);

    /// <summary>A random direction of norm 1 times U(0,1)*epsilon.</summary>
    public abstract Tensor RandomRadius(Tensor like, double epsilon, SampleStreams streams);

    /// <summary>The dual norm, which measures gradients: |g·d| is at most <c>DualNorm(g) * Norm(d)</c>. Flat [N,d] to [N].</summary>
    public abstract Tensor DualNorm(Tensor flat);

    /// <summary>A random direction of norm 1.</summary>
    public virtual Tensor RandomDirection(Tensor like, SampleStreams streams) => Normalized(streams.Normal(like));

    /// <summary>Whether a norm computed in float64 exceeds the radius by more than rounding errors. Without the slack a projected
    /// point could count as outside and be moved again in its last bit.</summary>
    public static Tensor IsBeyond(Tensor length, double epsilon) => length > Reach(epsilon);

    /// <summary>The largest norm that <see cref="IsBeyond"/> still counts as inside.</summary>
    public static double Reach(double epsilon) => epsilon * (1 + Slack) + Slack;

    /// <summary>x + delta (both float64) in the dtype of the images, rounded towards x: rounding to nearest would leave the ball, in
    /// bfloat16 by up to 2^-9 per value. The exact radius is kept in every dtype.</summary>
    public static Tensor RoundInward(Tensor x, Tensor delta, ScalarType dtype)
    {
        var nearest = (x + delta).to(dtype);
        if (dtype == ScalarType.Float64) return nearest;
        var outward = (nearest.to(ScalarType.Float64) - x).abs() > delta.abs();
        return where(outward, nearest.nextafter(x.to(dtype)), nearest);
    }

    protected Tensor Normalized(Tensor direction) =>
        direction / PerSample.Of(Norm(direction.flatten(1)).clamp_min(EuclideanLength.Smallest(direction.dtype)), direction);
}

namespace Ardir.Core;

internal sealed class LinfBall : NormBall
{
    public static readonly LinfBall Instance = new();

    public override bool ClampsOnDevice => true;

    public override Tensor Norm(Tensor flat) => flat.abs().amax(new long[] { 1 });

    // Ball and box are both axis-aligned boxes, so clamping to their intersection is the exact projection.
    public override Tensor Project(Tensor reference, Tensor candidate, double epsilon) =>
        candidate.clamp(Bound(reference, -epsilon), Bound(reference, epsilon));

    public override Tensor Ascent(Tensor gradient) => gradient.sign();

    public override Tensor Uniform(Tensor like, double epsilon, SampleStreams streams) =>
        streams.Uniform(like, -epsilon, epsilon);

    public override Tensor RandomRadius(Tensor like, double epsilon, SampleStreams streams) =>
        Normalized(streams.Uniform(like, -1, 1)) * PerSample.Of(streams.UniformPerSample(like, 0, epsilon), like);

    public override Tensor DualNorm(Tensor flat) => flat.abs().sum(1);

    public override Tensor RandomDirection(Tensor like, SampleStreams streams) => Normalized(streams.Uniform(like, -1, 1));

    private static Tensor Bound(Tensor reference, double delta)
    {
        // Float32 overshoots by 2^-25 at most, which every feasibility test allows; half precisions would overshoot visibly.
        if (reference.dtype is ScalarType.Float32 or ScalarType.Float64) return (reference + delta).clamp_(0, 1);
        var x = reference.to(ScalarType.Float64);
        return RoundInward(x, full_like(x, delta), reference.dtype).clamp_(0, 1);
    }
}

namespace Ardir.Core;

internal sealed class L1Ball : NormBall
{
    public static readonly L1Ball Instance = new();

    public override Tensor Norm(Tensor flat) => flat.abs().sum(1);

    public override Tensor Project(Tensor reference, Tensor candidate, double epsilon) =>
        L1Projection.Project(reference.flatten(1), candidate.flatten(1), epsilon).reshape(reference.shape);

    public override Tensor Ascent(Tensor gradient) => Normalized(gradient);

    /// <summary>Sparse L1 descent (Tramer and Boneh 2019): the sign of the gradient on the given fraction of its largest values, scaled to
    /// an L1 norm of 1.</summary>
    public override Tensor SparseAscent(Tensor gradient, double fraction)
    {
        var flat = gradient.flatten(1);
        var size = flat.abs();
        var kept = Math.Clamp((int)Math.Ceiling(fraction * flat.shape[1]), 1, (int)flat.shape[1]);
        var least = LargestValues.At(size, full([size.shape[0]], kept, ScalarType.Int64, size.device));
        var mask = (size >= least).logical_and(size > 0);
        return Normalized((flat.sign() * mask.to(flat.dtype)).reshape(gradient.shape));
    }

    /// <summary>Uniform in the ball: d exponential variables divided by the sum of d + 1 of them are uniform in the solid simplex, and
    /// random signs extend that to the ball.</summary>
    public override Tensor Uniform(Tensor like, double epsilon, SampleStreams streams)
    {
        var exponential = streams.Uniform(like, 0, 1).to(ScalarType.Float64).clamp_min_(1e-300).log_().neg_();
        var last = streams.UniformPerSample(like, 0, 1).to(ScalarType.Float64).clamp_min_(1e-300).log_().neg_();
        var total = exponential.flatten(1).sum(1) + last;
        return (exponential / PerSample.Of(total, like)).mul_(epsilon).to(like.dtype) * streams.Signs(like);
    }

    public override Tensor RandomRadius(Tensor like, double epsilon, SampleStreams streams)
    {
        var laplace = streams.Uniform(like, 0, 1).clamp_min_(1e-30).log_() * streams.Signs(like);
        return Normalized(laplace) * PerSample.Of(streams.UniformPerSample(like, 0, epsilon), like);
    }

    public override Tensor DualNorm(Tensor flat) => flat.abs().amax(new long[] { 1 });
}

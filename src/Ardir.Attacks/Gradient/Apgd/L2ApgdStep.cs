using Ardir.Core;

namespace Ardir.Attacks;

/// <summary>Unit gradient step with momentum; each half of it is scaled back onto the ball and clamped to the box.</summary>
internal sealed class L2ApgdStep(NormThreatModel ball, StepSizeController sizes) : SizedApgdStep(sizes)
{
    // Every product and quotient is in the order of the authors' code, because where the gradient is nearly zero, rounding decides the
    // direction.
    public override Tensor Move(AttackRun run, ApgdState state, double momentum)
    {
        var (gradient, point) = (state.Gradient, state.Point);
        var next = gradient.div_(Length(gradient) + EuclideanLength.Smallest(gradient.dtype)).mul_(Size).add_(point);
        return Constrain(run, WithMomentum(Constrain(run, next), state, momentum));
    }

    private Tensor Constrain(AttackRun run, Tensor points)
    {
        if (!IsPrecise(points.dtype)) return ball.Project(run.Images, points, checkValues: false);
        var delta = points.sub_(run.Images);
        var length = Length(delta);
        delta.div_(length + EuclideanLength.Smallest(delta.dtype)).mul_(length.clamp_max(ball.Epsilon));
        return delta.add_(run.Images).clamp_(0, 1);
    }

    private static Tensor Length(Tensor values) =>
        PerSample.Of(EuclideanLength.Of(values.flatten(1), keepDimension: true), values);
}

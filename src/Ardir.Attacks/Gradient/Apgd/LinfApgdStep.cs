using Ardir.Core;

namespace Ardir.Attacks;

/// <summary>Sign step with momentum inside two precomputed bounds.</summary>
internal sealed class LinfApgdStep : SizedApgdStep
{
    private Tensor _lower;
    private Tensor _upper;

    public LinfApgdStep(AttackRun run, NormThreatModel ball, StepSizeController sizes) : base(sizes)
    {
        // Ball and box together are one box per sample: the projections of its far corners are its bounds.
        var images = run.Images;
        _lower = ball.ProjectStep(images, images - 2).DetachFromDisposeScope();
        _upper = ball.ProjectStep(images, images + 2).DetachFromDisposeScope();
    }

    public override Tensor Move(AttackRun run, ApgdState state, double momentum)
    {
        var next = state.Gradient.sign_().mul_(Size).add_(state.Point).clamp_(_lower, _upper);
        return WithMomentum(next, state, momentum).clamp_(_lower, _upper);
    }

    public override void Narrow(Tensor rows)
    {
        base.Narrow(rows);
        Owned.Narrow(ref _lower, rows);
        Owned.Narrow(ref _upper, rows);
    }

    public override void Dispose()
    {
        base.Dispose();
        _lower.Dispose();
        _upper.Dispose();
    }
}

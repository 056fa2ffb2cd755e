using Ardir.Core;

namespace Ardir.Attacks;

/// <summary>Sign step with momentum inside two precomputed bounds.</summary>
internal sealed class LinfApgdStep : ApgdStep
{
    private readonly StepSizeController _sizes;
    private Tensor _lower;
    private Tensor _upper;

    public LinfApgdStep(AttackRun run, NormThreatModel ball, StepSizeController sizes)
    {
        _sizes = sizes;
        // Ball and box together are one box per sample: the projections of its far corners are its bounds.
        var images = run.Images;
        _lower = ball.ProjectStep(images, images - 2).DetachFromDisposeScope();
        _upper = ball.ProjectStep(images, images + 2).DetachFromDisposeScope();
    }

    public override Tensor Move(AttackRun run, ApgdState state, double momentum)
    {
        var next = state.Gradient.sign_().mul_(_sizes.Size).add_(state.Point).clamp_(_lower, _upper);
        next.sub_(state.Point).mul_(momentum).add_(state.Point);
        next.add_(state.Previous.sub_(state.Point), alpha: momentum - 1);
        return next.clamp_(_lower, _upper);
    }

    public override Tensor? End(AttackRun run, ApgdState state, Tensor loss) => _sizes.End(loss, state.BestLoss);

    public override void Narrow(Tensor rows)
    {
        _sizes.Narrow(rows);
        Owned.Narrow(ref _lower, rows);
        Owned.Narrow(ref _upper, rows);
    }

    public override void Dispose()
    {
        _sizes.Dispose();
        _lower.Dispose();
        _upper.Dispose();
    }
}

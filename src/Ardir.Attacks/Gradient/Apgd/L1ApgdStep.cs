using Ardir.Core;

namespace Ardir.Attacks;

/// <summary>
/// Sparse sign step without momentum, onto the L1 ball and the box at once (Croce and Hein 2021, "Mind the box"). The share of values that
/// move follows the sparsity of the best perturbation, and the step size is reset where that perturbation has become clearly sparser.
/// </summary>
internal sealed class L1ApgdStep : ApgdStep
{
    private const double FirstShare = 0.2;
    private const double CheckShare = 0.04;
    private const double Sparser = 0.95;
    private const double Shrink = 1.5;
    private const double LargestReduction = 10;
    private const double Rounding = 5e-7;

    private readonly NormThreatModel _ball;
    private readonly double _radius;
    private readonly int _period;
    private readonly long _dimensions;
    private int _done;
    private Tensor _size;
    private Tensor _share;
    private Tensor _nonZero;
    private Tensor _kept;

    public L1ApgdStep(AttackRun run, ApgdStage stage, Tensor start)
    {
        (_ball, _radius) = (((NormThreatModel)run.Threat).WithEpsilon(stage.Radius), stage.Radius);
        _period = CheckpointSchedule.Share(CheckShare, stage.Iterations);
        _dimensions = start.numel() / start.shape[0];
        var nonZero = stage.StartIsGiven
            ? NonZero(start, run.Images)
            : full([run.Count], _dimensions, ScalarType.Float32, start.device);
        _nonZero = nonZero.DetachFromDisposeScope();
        _share = (stage.StartIsGiven ? ShareOf(_nonZero) : full_like(_nonZero, FirstShare)).DetachFromDisposeScope();
        _size = full_like(_nonZero, _radius).DetachFromDisposeScope();
        _kept = Kept().DetachFromDisposeScope();
    }

    public override Tensor Move(AttackRun run, ApgdState state, double momentum)
    {
        var gradient = state.Gradient;
        var size = gradient.abs().flatten(1);
        var moved = size >= LargestValues.At(size, _kept);
        var direction = gradient.sign_().mul_(moved.reshape(gradient.shape));
        // All values are -1, 0 or 1, so the sum of their magnitudes is the count. count_nonzero is several times slower on a CPU.
        var count = direction.abs().flatten(1).sum(1, type: ScalarType.Float32).clamp_min_(1);
        direction.mul_(PerSample.Of((_size / count).to(gradient.dtype), gradient));
        return Constrain(run, direction.add_(state.Point));
    }

    public override Tensor? End(AttackRun run, ApgdState state, Tensor loss)
    {
        if (++_done < _period) return null;
        _done = 0;
        var nonZero = NonZero(state.Best, run.Images);
        var sparser = nonZero / _nonZero < Sparser;
        Owned.Renew(ref _share, ShareOf(nonZero));
        Owned.Renew(ref _size, where(sparser, _radius, _size / Shrink).to(_size.dtype).clamp_(_radius / LargestReduction, _radius));
        Owned.Renew(ref _nonZero, nonZero);
        Owned.Renew(ref _kept, Kept());
        return sparser;
    }

    public override void Narrow(Tensor rows)
    {
        Owned.Narrow(ref _size, rows);
        Owned.Narrow(ref _share, rows);
        Owned.Narrow(ref _nonZero, rows);
        Owned.Narrow(ref _kept, rows);
    }

    public override void Dispose()
    {
        _size.Dispose();
        _share.Dispose();
        _nonZero.Dispose();
        _kept.Dispose();
    }

    // The authors add the step and then its correction, so that a value that returns to zero may keep a rounding error and still counts as
    // moved when the sparsity is measured; whole trajectories depend on that count. Where these errors add up to more than the tolerance,
    // the exact projection is taken.
    private Tensor Constrain(AttackRun run, Tensor target)
    {
        var images = run.Images;
        var exact = _ball.ProjectStep(images, target);
        if (!IsPrecise(target.dtype)) return exact;
        var shift = target - images;
        var points = (exact - images).sub_(shift).add_(shift.add_(images)).clamp_(0, 1);
        var within = _ball.Measure(points - images) <= _radius * (1 + Rounding);
        return where(PerSample.Of(within, points), points, exact);
    }

    // In float32 whatever the dtype of the images, as in the authors' code. The threshold is the value at place floor((1 - share) * d) of
    // the ascending order, so this many values are at or above it.
    private Tensor Kept() => ((1 - _share) * _dimensions).clamp_(0, _dimensions - 1).to(ScalarType.Int64).neg_().add_(_dimensions);

    private Tensor ShareOf(Tensor nonZero) => nonZero / _dimensions / Shrink;

    private static Tensor NonZero(Tensor points, Tensor images) => (points != images).flatten(1).sum(1).to(ScalarType.Float32);
}

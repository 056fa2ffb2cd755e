using Ardir.Core;

namespace Ardir.Attacks;

/// <summary>
/// APGD's step sizes for Linf and L2 (Croce and Hein 2020, conditions 1 and 2 of Sec. 3.2), one per sample: halved at a checkpoint where
/// the loss rose in at most a share rho of the iterations since the last checkpoint, or where the best loss has not improved since a
/// checkpoint that did not change the step size. Two details follow the authors' code, not the paper: exactly the share rho counts as too
/// few, and the first iteration is compared with a loss of zero.
/// </summary>
internal sealed class StepSizeController : IDisposable
{
    private readonly CheckpointSchedule _schedule;
    private readonly double _rho;
    private Tensor _size;
    private Tensor _rises;
    private Tensor _previousLoss;
    private Tensor _bestAtCheck;
    private Tensor _reduced;

    /// <summary>Starts the run.</summary>
    /// <param name="points">Start points; only their shape, dtype and device matter.</param>
    /// <param name="loss">Loss of the start points, [n].</param>
    /// <param name="size">The first step size.</param>
    /// <param name="iterations">Iterations of the run.</param>
    /// <param name="rho">The share of iterations with a rising loss, up to which the step is halved.</param>
    public StepSizeController(Tensor points, Tensor loss, double size, int iterations, double rho)
    {
        _schedule = new CheckpointSchedule(iterations);
        _rho = rho;
        var count = points.shape[0];
        _size = full(PerSample.Shape(count, points), size, points.dtype, points.device).DetachFromDisposeScope();
        _rises = zeros([count], ScalarType.Float32, points.device).DetachFromDisposeScope();
        _previousLoss = zeros_like(loss).DetachFromDisposeScope();
        _bestAtCheck = loss.clone().DetachFromDisposeScope();
        _reduced = ones([count], ScalarType.Bool, points.device).DetachFromDisposeScope();
    }

    /// <summary>The step sizes, [n,1,...,1].</summary>
    public Tensor Size => _size;

    /// <summary>Ends an iteration.</summary>
    /// <param name="loss">Loss at the new points.</param>
    /// <param name="bestLoss">Best loss so far, these included.</param>
    /// <returns>bool [n], the samples whose step was halved and which go back to their best point; null between checkpoints.</returns>
    public Tensor? End(Tensor loss, Tensor bestLoss)
    {
        _rises.add_(loss > _previousLoss);
        Owned.Renew(ref _previousLoss, loss.alias());
        var window = _schedule.Advance();
        if (window == 0) return null;
        var oscillates = _rises <= _rho * window;
        var stuck = _reduced.logical_not().logical_and_(_bestAtCheck >= bestLoss);
        Owned.Renew(ref _reduced, oscillates.logical_or_(stuck));
        Owned.Renew(ref _bestAtCheck, bestLoss.clone());
        _size.mul_(where(_reduced, 0.5, 1.0).to(_size.dtype).view_as(_size));
        _rises.zero_();
        return _reduced;
    }

    public void Narrow(Tensor rows)
    {
        Owned.Narrow(ref _size, rows);
        Owned.Narrow(ref _rises, rows);
        Owned.Narrow(ref _previousLoss, rows);
        Owned.Narrow(ref _bestAtCheck, rows);
        Owned.Narrow(ref _reduced, rows);
    }

    public void Dispose()
    {
        _size.Dispose();
        _rises.Dispose();
        _previousLoss.Dispose();
        _bestAtCheck.Dispose();
        _reduced.Dispose();
    }
}

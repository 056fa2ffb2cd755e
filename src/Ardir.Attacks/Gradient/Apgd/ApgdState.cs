using Ardir.Core;

namespace Ardir.Attacks;

/// <summary>The state of APGD for each sample: the point, the previous point, the gradient, and the best point so far by loss with its loss
/// and gradient.</summary>
internal sealed class ApgdState : IDisposable
{
    private Tensor _point;
    private Tensor _previous;
    private Tensor _gradient;
    private Tensor _best;
    private Tensor _bestLoss;
    private Tensor _bestGradient;

    public ApgdState(Tensor start, AttackGradient here)
    {
        _point = start.clone().DetachFromDisposeScope();
        _previous = start.clone().DetachFromDisposeScope();
        _best = start.clone().DetachFromDisposeScope();
        _gradient = here.Gradient.clone().DetachFromDisposeScope();
        _bestGradient = here.Gradient.clone().DetachFromDisposeScope();
        _bestLoss = here.Loss.clone().DetachFromDisposeScope();
    }

    public Tensor Point => _point;

    /// <summary>The point before the last move. Going back to the best point does not change it, as in the authors' code; a step may
    /// overwrite it.</summary>
    public Tensor Previous => _previous;

    /// <summary>The gradient at the point. A step may overwrite it, and may return it as the next point.</summary>
    public Tensor Gradient => _gradient;

    public Tensor Best => _best;

    public Tensor BestLoss => _bestLoss;

    /// <summary>Moves to the next point. The gradient is disposed, unless the next point was computed in place in it.</summary>
    public void MoveTo(Tensor next)
    {
        next.DetachFromDisposeScope();
        if (!ReferenceEquals(next, _gradient)) _gradient.Dispose();
        _previous.Dispose();
        (_previous, _point) = (_point, next);
    }

    /// <summary>Records loss and gradient at the point, which becomes the best where its loss is strictly higher.</summary>
    public void Learn(Tensor loss, Tensor gradient)
    {
        _gradient = gradient.DetachFromDisposeScope();
        var better = loss > _bestLoss;
        var rows = HostRead.Rows(better);
        Take(_best, _point, rows);
        Take(_bestGradient, gradient, rows);
        Owned.Renew(ref _bestLoss, where(better, loss, _bestLoss));
    }

    /// <summary>Sends samples, bool [n], back to their best point.</summary>
    public void ReturnToBest(Tensor samples)
    {
        var rows = PerSample.Of(samples, _point);
        Owned.Renew(ref _point, where(rows, _best, _point));
        Owned.Renew(ref _gradient, where(rows, _bestGradient, _gradient));
    }

    /// <summary>Keeps some of the samples. Called between <see cref="MoveTo"/> and <see cref="Learn"/>, when no gradient is held: the
    /// caller narrows the new one.</summary>
    public void Narrow(Tensor rows)
    {
        Owned.Narrow(ref _point, rows);
        Owned.Narrow(ref _previous, rows);
        Owned.Narrow(ref _best, rows);
        Owned.Narrow(ref _bestLoss, rows);
        Owned.Narrow(ref _bestGradient, rows);
    }

    public void Dispose()
    {
        _point.Dispose();
        _previous.Dispose();
        _gradient.Dispose();
        _best.Dispose();
        _bestLoss.Dispose();
        _bestGradient.Dispose();
    }

    // Copies rows; a selection by a mask per sample is several times slower on a CPU.
    private static void Take(Tensor into, Tensor from, Tensor rows)
    {
        if (rows.numel() == from.shape[0]) into.copy_(from);
        else if (rows.numel() > 0) into.index_copy_(0, rows, from.index_select(0, rows));
    }
}

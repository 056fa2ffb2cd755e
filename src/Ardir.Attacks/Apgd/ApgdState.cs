using Ardir.Core;

namespace Ardir.Attacks;

/// <summary>Where APGD is, sample by sample: the point, the one before, the gradient, and the best point so far by loss with its loss and gradient.</summary>
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

    /// <summary>The point before the last move. Going back to the best point leaves it alone, as in the authors' code; a step may overwrite it.</summary>
    public Tensor Previous => _previous;

    /// <summary>A step may overwrite it, and may return it as the next point.</summary>
    public Tensor Gradient => _gradient;

    public Tensor Best => _best;

    public Tensor BestLoss => _bestLoss;

    /// <summary>Moves on; a next point that was computed in the gradient's memory takes it over.</summary>
    public void MoveTo(Tensor next)
    {
        next.DetachFromDisposeScope();
        if (!ReferenceEquals(next, _gradient)) _gradient.Dispose();
        _previous.Dispose();
        (_previous, _point) = (_point, next);
    }

    /// <summary>Takes in what the model said at the point, and the point as the best where its loss is strictly higher.</summary>
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
        var rows = PerSample(samples);
        Owned.Renew(ref _point, where(rows, _best, _point));
        Owned.Renew(ref _gradient, where(rows, _bestGradient, _gradient));
    }

    /// <summary>Keeps some of the samples. Between <see cref="MoveTo"/> and <see cref="Learn"/> the gradient is not held and the caller's to narrow.</summary>
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

    private static Tensor PerSample(Tensor flags) => flags.reshape(-1, 1, 1, 1);
}

using Ardir.Core;

namespace Ardir.Attacks;

/// <summary>
/// Linf: every value of a window is set to the upper or the lower end of what ball and box allow. The paper's move by 2*eps, clipped, ends
/// there from any point in the ball, so only the windows are read and written, in place, and restored if they do not help.
/// </summary>
internal sealed class LinfSquareMoves : SquareMoves
{
    private readonly long _count;
    private Tensor _ends;   // lower, then upper ends, [n,2*d]
    private (Tensor At, Tensor Before, Tensor After) _move;

    public LinfSquareMoves(AttackRun run) : base(run)
    {
        var images = run.Images;
        _count = images[0].numel();
        _ends = cat(new[]
        {
            Threat.ProjectStep(images, zeros_like(images)).flatten(1),
            Threat.ProjectStep(images, ones_like(images)).flatten(1),
        }, 1).DetachFromDisposeScope();
    }

    public override bool Odd => false;

    // Vertical stripes: one direction for each column of each channel.
    public override void Start(Tensor images, SampleStreams streams)
    {
        Tensor End(long half) => _ends.narrow(1, half * _count, _count).view(images.shape);
        Best.copy_(where(streams.Signs(images.narrow(2, 0, 1)) > 0, End(1), End(0)));
    }

    public override SquareProposal Propose(Tensor images, SquareWindow window, int side)
    {
        var best = Best.view(-1, _count);
        var shape = window.First.shape;
        var from = window.First.view(-1, Channels, side * side) + window.Up * _count;
        var after = _ends.gather(1, from.view(shape));
        var before = best.gather(1, window.First);
        _move = (window.First, before, after);
        best.scatter_(1, window.First, after);
        // Small windows are often at the drawn end already.
        return new SquareProposal(Best, HostRead.Rows((after != before).any(1)));
    }

    public override void Settle(Tensor accepted) =>
        Best.view(-1, _count).scatter_(1, _move.At, where(accepted.unsqueeze(1), _move.After, _move.Before));

    public override void Narrow(Tensor rows)
    {
        base.Narrow(rows);
        Owned.Narrow(ref _ends, rows);
    }

    public override void Dispose()
    {
        base.Dispose();
        _ends.Dispose();
    }
}

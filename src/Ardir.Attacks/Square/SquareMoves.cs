using Ardir.Core;

namespace Ardir.Attacks;

/// <summary>What depends on the norm in the Square attack: where a sample starts and what a window changes. Holds the best points so
/// far.</summary>
internal abstract class SquareMoves : IDisposable
{
    private Tensor _best;

    protected SquareMoves(AttackRun run)
    {
        (Threat, _best) = ((NormThreatModel)run.Threat, run.Images.clone().DetachFromDisposeScope());
        var shape = run.Images.shape;
        (Channels, Height, Width) = ((int)shape[1], (int)shape[2], (int)shape[3]);
    }

    /// <summary>The best points, [n,C,H,W]; between <see cref="Propose"/> and <see cref="Settle"/> they may be the candidates.</summary>
    public Tensor Best => _best;

    /// <summary>Whether windows have an odd side.</summary>
    public abstract bool Odd { get; }

    protected NormThreatModel Threat { get; }

    protected int Channels { get; }

    protected int Height { get; }

    protected int Width { get; }

    /// <summary>The moves for the norm of the run.</summary>
    public static SquareMoves Create(AttackRun run) => ((NormThreatModel)run.Threat).Norm switch
    {
        PerturbationNorm.Linf => new LinfSquareMoves(run),
        PerturbationNorm.L2 => new L2SquareMoves(run),
        _ => new L1SquareMoves(run),
    };

    /// <summary>Puts the best points at a random start.</summary>
    public abstract void Start(Tensor images, SampleStreams streams);

    /// <summary>Candidates, valid until <see cref="Settle"/>.</summary>
    public abstract SquareProposal Propose(Tensor images, SquareWindow window, int side);

    /// <summary>Makes the candidates in the mask, bool [n], the best points.</summary>
    public abstract void Settle(Tensor accepted);

    /// <summary>Keeps some of the samples.</summary>
    public virtual void Narrow(Tensor rows) => Owned.Narrow(ref _best, rows);

    public virtual void Dispose() => _best.Dispose();
}

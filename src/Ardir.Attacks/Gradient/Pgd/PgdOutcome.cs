using Ardir.Core;

namespace Ardir.Attacks;

/// <summary>The best of several attempts, sample by sample.</summary>
internal sealed class PgdOutcome(Tensor points, Tensor loss, Tensor broken)
{
    public Tensor Points { get; } = points;

    public Tensor Loss { get; } = loss;

    public Tensor Broken { get; } = broken;

    /// <summary>Takes over the rows of a later attempt that succeeded or, on samples that resist, reached a higher loss.</summary>
    public void Replace(Tensor rows, PgdOutcome later)
    {
        var better = HostRead.Rows(later.Broken.logical_or(later.Loss > Loss[rows]));
        if (better.numel() == 0) return;
        var at = rows[better];
        Points.index_copy_(0, at, later.Points[better]);
        Loss.index_copy_(0, at, later.Loss[better]);
        Broken.index_copy_(0, at, later.Broken[better]);
    }
}

namespace Ardir.Core;

/// <summary>A single process: what it exchanges with itself is what it has.</summary>
public sealed class SoloCollective : ICollective
{
    private SoloCollective()
    {
    }

    /// <summary>The only instance; it has no state.</summary>
    public static SoloCollective Instance { get; } = new();

    /// <inheritdoc/>
    public int Rank => 0;

    /// <inheritdoc/>
    public int Size => 1;

    /// <inheritdoc/>
    public void AllReduce(Tensor values, Reduction reduction = Reduction.Sum) => CollectiveGuard.InPlace(values, nameof(values));

    /// <inheritdoc/>
    public void Broadcast(Tensor values, int root = 0)
    {
        CollectiveGuard.InPlace(values, nameof(values));
        CollectiveGuard.Root(root, Size);
    }

    /// <inheritdoc/>
    public Tensor AllGather(Tensor values)
    {
        CollectiveGuard.Rows(values, nameof(values));
        using var scope = NewDisposeScope();
        return values.detach().clone().MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public void Barrier()
    {
    }
}

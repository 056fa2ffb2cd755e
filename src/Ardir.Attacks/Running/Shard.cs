namespace Ardir.Attacks;

/// <summary>Some of the samples of a run, which a thread of their own attacks.</summary>
/// <param name="From">The first of them.</param>
/// <param name="Count">How many.</param>
internal sealed record Shard(long From, long Count)
{
    /// <summary>Checks and counts the passes of this shard; its context is that of the shard.</summary>
    public GuardedModel Guard { get; init; } = null!;

    /// <summary>[n,...].</summary>
    public Tensor Images { get; init; } = null!;

    /// <summary>int64 [n].</summary>
    public Tensor Labels { get; init; } = null!;

    /// <summary>The rows of this shard in a tensor with one row for each sample of the whole run: a view.</summary>
    public Tensor Rows(Tensor all) => all.narrow(0, From, Count);
}

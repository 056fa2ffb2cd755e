using System.Diagnostics;
using Ardir.Core;

namespace Ardir.Benchmarks;

/// <summary>Counts what the ranks exchange and how long this one takes for it, waiting for the others included.</summary>
internal sealed class TimedCollective(ICollective inner) : ICollective
{
    private readonly Stopwatch _clock = new();

    public int Rank => inner.Rank;

    public int Size => inner.Size;

    public TimeSpan Time => _clock.Elapsed;

    public long Calls { get; private set; }

    public long Bytes { get; private set; }

    public void AllReduce(Tensor values, Reduction reduction = Reduction.Sum) => Count(values, () => inner.AllReduce(values, reduction));

    public void Broadcast(Tensor values, int root = 0) => Count(values, () => inner.Broadcast(values, root));

    public Tensor AllGather(Tensor values)
    {
        Tensor? all = null;
        Count(values, () => all = inner.AllGather(values));
        return all!;
    }

    public void Barrier() => Count(null, inner.Barrier);

    private void Count(Tensor? values, Action exchange)
    {
        Calls++;
        if (values is not null) Bytes += values.numel() * values.element_size();
        _clock.Start();
        exchange();
        _clock.Stop();
    }
}

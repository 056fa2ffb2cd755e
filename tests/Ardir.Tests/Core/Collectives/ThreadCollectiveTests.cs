using Ardir.Core;

namespace Ardir.Tests;

public class ThreadCollectiveTests
{
    [Fact]
    public void ReducesBroadcastsAndGathers()
    {
        var results = ThreadCollective.Run(3, ranks =>
        {
            using var sum = tensor(new double[] { ranks.Rank + 1, 10 });
            using var largest = tensor(new long[] { ranks.Rank, -ranks.Rank });
            using var last = tensor(new float[] { ranks.Rank });
            using var own = ones(ranks.Rank, 2, float64).mul_(ranks.Rank);
            ranks.AllReduce(sum);
            ranks.AllReduce(largest, Reduction.Max);
            ranks.Broadcast(last, root: 2);
            using var all = ranks.AllGather(own);
            ranks.Barrier();
            return (HostRead.Array<double>(sum), HostRead.Array<long>(largest), HostRead.Array<float>(last), HostRead.Array<double>(all), all.shape);
        });
        Assert.All(results, one =>
        {
            Assert.Equal([6, 30], one.Item1);
            Assert.Equal([2, 0], one.Item2);
            Assert.Equal([2f], one.Item3);
            Assert.Equal([1, 1, 2, 2, 2, 2], one.Item4);
            Assert.Equal([3, 2], one.shape);
        });
    }

    [Fact]
    public void AFailureEndsTheWaitingOfAll()
    {
        var failure = Assert.Throws<InvalidOperationException>(() => ThreadCollective.Run(2, ranks =>
        {
            if (ranks.Rank == 1) throw new InvalidOperationException("rank 1");
            ranks.Barrier();
            return 0;
        }));
        Assert.Equal("rank 1", failure.Message);
    }
}

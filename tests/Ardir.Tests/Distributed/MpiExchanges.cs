using Ardir.Core;
using Ardir.Distributed;

namespace Ardir.Tests;

/// <summary>Every exchange, checked by every rank. All of it in one start of the ranks, which costs more than the checks.</summary>
internal static class MpiExchanges
{
    private static readonly ScalarType[] _dtypes = [ScalarType.Float32, ScalarType.Float64, ScalarType.Int64, ScalarType.Byte];

    public static void All(MpiCollective ranks, string marker)
    {
        // More ranks than processors wait for each other, so that those make a part of the checks only.
        var all = ranks.Size == 2;
        foreach (var dtype in all ? _dtypes : [ScalarType.Float32])
        {
            Sums(ranks, dtype);
            Maxima(ranks, dtype);
            Broadcasts(ranks, dtype);
            Gathers(ranks, dtype);
            Pieces(ranks, dtype);
        }
        Assert.Equal((ranks.Rank, ranks.Size), (ranks.LocalRank, ranks.LocalSize));
        SameBits(ranks, all ? [1, 7, 1000, 1_000_003] : [7, 1_000_003]);
        MaximaOfNaNAndZero(ranks);
        Disagreements(ranks);
        Refusals(ranks, marker);
        if (!all) return;
        foreach (var dtype in _dtypes) StridedTensors(ranks, dtype);
        LargeIntegers(ranks);
        LeakAssert.None(() => Gathers(ranks, ScalarType.Float32), runs: 1);
        LeakAssert.None(() => Maxima(ranks, ScalarType.Float32), runs: 1);
        LeakAssert.None(() => StridedTensors(ranks, ScalarType.Float32), runs: 1);
        // The library's own handlers must have left those of .NET in place.
        string? nothing = Environment.GetEnvironmentVariable("ARDIR_NO_SUCH_VARIABLE");
        Assert.Throws<NullReferenceException>(() => nothing!.Length);
    }

    private static void Sums(MpiCollective ranks, ScalarType dtype)
    {
        using var scope = NewDisposeScope();
        var values = arange(15, ScalarType.Int64, CPU).reshape(3, 5).mul(ranks.Rank + 1).to(dtype);
        ranks.AllReduce(values);
        // 1 + 2 + ... + size; at most 14 * 10 for four ranks, which fits in a byte.
        var expected = arange(15, ScalarType.Int64, CPU).reshape(3, 5).mul(ranks.Size * (ranks.Size + 1) / 2).to(dtype);
        Equal(expected, values);
        var (none, single) = (zeros(0, 4, dtype), ones([], dtype));
        ranks.AllReduce(none);
        ranks.AllReduce(single);
        Assert.Equal([0, 4], none.shape);
        Equal(full([], ranks.Size, dtype), single);
    }

    private static void Maxima(MpiCollective ranks, ScalarType dtype)
    {
        using var scope = NewDisposeScope();
        // Column r is largest at rank r.
        var values = zeros([2, ranks.Size], dtype);
        values.narrow(1, ranks.Rank, 1).fill_(ranks.Rank + 5);
        ranks.AllReduce(values, Reduction.Max);
        Equal(arange(5, 5 + ranks.Size, ScalarType.Int64, CPU).to(dtype).expand(2, -1), values);
        if (dtype == ScalarType.Byte) return;
        var negative = full([3], -1 - ranks.Rank, dtype);
        ranks.AllReduce(negative, Reduction.Max);
        Equal(full([3], -1, dtype), negative);
    }

    private static void Broadcasts(MpiCollective ranks, ScalarType dtype)
    {
        using var scope = NewDisposeScope();
        foreach (var root in (int[])[0, ranks.Size - 1])
        {
            var values = full([2, 3], ranks.Rank + 7, dtype);
            ranks.Broadcast(values, root);
            Equal(full([2, 3], root + 7, dtype), values);
        }
    }

    private static void Gathers(MpiCollective ranks, ScalarType dtype)
    {
        using var scope = NewDisposeScope();
        // Rank 0 has no row, rank 1 one, and so on.
        var own = full([ranks.Rank, 2, 3], ranks.Rank + 1, dtype);
        var expected = cat([.. Enumerable.Range(0, ranks.Size).Select(rank => full([rank, 2, 3], rank + 1, dtype))], 0);
        Equal(expected, ranks.AllGather(own));
        Equal(full([ranks.Rank, 2, 3], ranks.Rank + 1, dtype), own);
        Assert.Equal([0, 4], ranks.AllGather(zeros(0, 4, dtype)).shape);
        Assert.Equal([2 * ranks.Size, 0], ranks.AllGather(zeros(2, 0, dtype)).shape);
        Equal(arange(ranks.Size, ScalarType.Int64, CPU).to(dtype), ranks.AllGather(full([1], ranks.Rank, dtype)));
        // What is gathered may have a gradient, which ends here.
        if (dtype != ScalarType.Float32) return;
        using var learnt = ranks.AllGather(ones([1], dtype, requires_grad: true));
        Assert.False(learnt.requires_grad);
    }

    private static void StridedTensors(MpiCollective ranks, ScalarType dtype)
    {
        using var scope = NewDisposeScope();
        var plain = arange(24, ScalarType.Int64, CPU).reshape(2, 3, 2, 2).to(dtype);
        foreach (var view in (Func<Tensor, Tensor>[])[x => x.transpose(0, 1), x => x.permute(0, 3, 1, 2), x => x[TensorIndex.Colon, 1], x => x.narrow(1, 1, 2)])
        {
            var (summed, sent) = (plain.clone(), plain.clone());
            ranks.AllReduce(view(summed));
            var expected = plain.clone();
            view(expected).mul_(ranks.Size);
            Equal(expected, summed);
            view(sent).mul_(ranks.Rank);
            ranks.Broadcast(view(sent), root: 1);
            Equal(plain, sent);
            Equal(cat([.. Enumerable.Repeat(view(plain), ranks.Size)], 0), ranks.AllGather(view(plain)));
        }
    }

    private static void Pieces(MpiCollective ranks, ScalarType dtype)
    {
        using var scope = NewDisposeScope();
        var usual = ranks.Exchange.PieceBytes;
        ranks.Exchange.PieceBytes = 24;
        var (sum, sent) = (arange(10, ScalarType.Int64, CPU).to(dtype), full([10], ranks.Rank, dtype));
        ranks.AllReduce(sum);
        Equal(arange(10, ScalarType.Int64, CPU).mul(ranks.Size).to(dtype), sum);
        ranks.Broadcast(sent, root: 1);
        Equal(ones([10], dtype), sent);
        Gathers(ranks, dtype);
        ranks.Exchange.PieceBytes = usual;
    }

    /// <summary>Sums of numbers that round, also of a size for which the libraries take another algorithm.</summary>
    private static void SameBits(MpiCollective ranks, long[] counts)
    {
        foreach (var count in counts)
        {
            using var scope = NewDisposeScope();
            using var generator = new Generator((ulong)(1 + ranks.Rank), CPU);
            var own = randn(count, dtype: ScalarType.Float32, device: CPU, generator: generator);
            var sum = own.clone();
            ranks.AllReduce(sum);
            var hashes = ranks.AllGather(Transfer.Of([BitConverter.ToInt64(System.Security.Cryptography.SHA256.HashData(sum.bytes))], CPU));
            Assert.Single(HostRead.Array<long>(hashes).Distinct());
            var all = ranks.AllGather(own.unsqueeze(0)).to(ScalarType.Float64);
            // Each of the additions rounds by half a unit in the last place of at most the sum of the magnitudes.
            var bound = all.abs().sum(dim: 0) * (ranks.Size * Math.Pow(2, -24));
            Assert.True(((sum.to(ScalarType.Float64) - all.sum(dim: 0)).abs() <= bound).all().ToBoolean());
        }
    }

    private static void MaximaOfNaNAndZero(MpiCollective ranks)
    {
        using var scope = NewDisposeScope();
        for (var special = 0; special < 2; special++)
        {
            var mine = ranks.Rank == special;
            var values = tensor(new[] { mine ? double.NaN : 3, mine ? -0.0 : 0.0, double.NegativeInfinity, mine ? double.PositiveInfinity : 1 });
            ranks.AllReduce(values, Reduction.Max);
            var bits = HostRead.Array<double>(values).Select(BitConverter.DoubleToInt64Bits).ToArray();
            Assert.Equal(new[] { double.NaN, 0, double.NegativeInfinity, double.PositiveInfinity }.Select(BitConverter.DoubleToInt64Bits).Skip(1), bits.Skip(1));
            Assert.True(double.IsNaN(BitConverter.Int64BitsToDouble(bits[0])));
            Assert.Single(HostRead.Array<long>(ranks.AllGather(Transfer.Of([bits[0]], CPU))).Distinct());
        }
    }

    private static void LargeIntegers(MpiCollective ranks)
    {
        // Not to be represented in float64.
        using var values = tensor(new[] { (1L << 53) + 1, long.MinValue / 8 });
        ranks.AllReduce(values);
        Assert.Equal([ranks.Size * ((1L << 53) + 1), ranks.Size * (long.MinValue / 8)], HostRead.Array<long>(values));
    }

    private static void Disagreements(MpiCollective ranks)
    {
        using var scope = NewDisposeScope();
        var (two, three, seven) = (zeros(2, ScalarType.Float32), zeros(3, ScalarType.Float64), zeros(2, 7, ScalarType.Float32));
        var first = ranks.Rank == 0;
        void Differ(Action one, Action other, params string[] parts)
        {
            var message = Assert.Throws<MpiException>(first ? one : other).Message;
            foreach (var part in parts) Assert.Contains(part, message);
        }
        Differ(() => ranks.AllReduce(two), () => ranks.AllReduce(two, Reduction.Max), "rank 0 called AllReduce(Float32, 2 values", "Sum)", "Max)");
        Differ(() => ranks.AllReduce(two), () => ranks.AllReduce(three), "Float64, 3 values");
        Differ(() => ranks.AllReduce(seven), () => ranks.AllReduce(seven.reshape(7, 2)), "Float32, 14 values");
        Differ(() => ranks.AllReduce(two), () => ranks.Broadcast(two), "Broadcast(Float32, 2 values");
        Differ(() => ranks.Broadcast(two, 0), () => ranks.Broadcast(two, 1), "root 0", "root 1");
        Differ(() => ranks.AllGather(seven), () => ranks.AllGather(two), "AllGather(Float32, 7 values", "AllGather(Float32, 1 values");
        Differ(ranks.Barrier, () => ranks.AllReduce(three), ranks.Size == 2 ? "rank 1 called AllReduce" : "ranks 1, 2, 3 called AllReduce", "Barrier()");
    }

    private static void Refusals(MpiCollective ranks, string marker)
    {
        using var half = zeros(2, float16);
        using var values = zeros(2);
        Assert.Contains("Float16", Assert.Throws<ArgumentException>(() => ranks.AllReduce(half)).Message);
        Assert.Throws<ArgumentOutOfRangeException>(() => ranks.AllReduce(values, (Reduction)5));
        Assert.Contains("in one place", Assert.Throws<ArgumentException>(() => ranks.Broadcast(values.narrow(0, 0, 1).expand(3))).Message);
        Assert.Throws<ArgumentOutOfRangeException>(() => ranks.Broadcast(values, ranks.Size));
        Assert.Throws<InvalidOperationException>(() => MpiCollective.Start());
        if (ranks.Rank == 0)
        {
            var other = new Thread(ranks.Barrier);
            other.Start();
            SpinWait.SpinUntil(() => ranks.IsBusy);
            Assert.Contains("another thread", Assert.Throws<InvalidOperationException>(() => ranks.AllReduce(values)).Message);
            File.WriteAllText(marker, "refused");
            other.Join();
        }
        else
        {
            // The first rank's other thread waits for this call.
            SpinWait.SpinUntil(() => File.Exists(marker));
            ranks.Barrier();
        }
    }

    private static void Equal(Tensor expected, Tensor actual)
    {
        Assert.Equal(expected.dtype, actual.dtype);
        Assert.Equal(expected.shape, actual.shape);
        Assert.True(expected.eq(actual).all().ToBoolean(), $"expected {expected.str()}, found {actual.str()}");
    }
}

using Ardir.Core;
using Ardir.Distillation;
using TorchSharp.Modules;

namespace Ardir.Tests;

/// <summary>How the ranks divide their work, what they tell each other, and how tensors are exchanged.</summary>
public sealed class RanksTests
{
    [Theory]
    [InlineData(1, 10, 3)]
    [InlineData(2, 7, 1)]
    [InlineData(3, 8, 2)]
    [InlineData(3, 8, 100)]
    [InlineData(3, 2, 2)]
    [InlineData(4, 4, 2)]
    public void Parts_OfEveryBatch_CoverItOnceAndAreAsManyAtEveryRankThatHasImages(int size, int count, int steps)
    {
        var parts = ThreadCollective.Run(size, ranks => new Ranks(ranks).Parts(count, steps).Select(range => range.GetOffsetAndLength(count)).ToList());
        parts.SelectMany(own => own).SelectMany(part => Enumerable.Range(part.Offset, part.Length)).Order().Should().Equal(Enumerable.Range(0, count));
        parts.SelectMany(own => own).Should().OnlyContain(part => part.Length > 0);
        parts.Where(own => own.Count > 0).Select(own => own.Count).Distinct().Should().HaveCount(1);
        // Every part of one process is shared out alike, so that the ranks have the same images together at the same time.
        var one = new Ranks(SoloCollective.Instance).Parts(count, parts.Max(own => own.Count)).Select(range => range.GetOffsetAndLength(count)).ToList();
        for (var i = 0; i < one.Count; i++)
        {
            var shares = parts.Where(own => own.Count > 0).Select(own => own[i]).ToList();
            shares[0].Offset.Should().Be(one[i].Offset);
            shares.Sum(share => share.Length).Should().Be(one[i].Length);
            (shares.Max(share => share.Length) - shares.Min(share => share.Length)).Should().BeLessThanOrEqualTo(1);
        }
        parts.Max(own => own.Count).Should().Be(Math.Max(1, Math.Min(steps, count / size)));
    }

    [Fact]
    public void Decisions_AreTheSameAtEveryRank()
    {
        var found = ThreadCollective.Run(3, collective =>
        {
            var ranks = new Ranks(collective);
            var texts = ranks.Gather(new string('ä', collective.Rank));
            return (ranks.Any(collective.Rank == 2), ranks.Any(false), ranks.FirstSays(collective.Rank == 0), ranks.FirstSays(collective.Rank == 1), string.Join('|', texts));
        });
        found.Should().AllBeEquivalentTo((true, false, true, false, "|ä|ää"));
    }

    [Fact]
    public void SingleRank_ExchangesAndReadsNothing()
    {
        var ranks = new Ranks(SoloCollective.Instance);
        var before = HostRead.Count;
        ranks.Any(true).Should().BeTrue();
        ranks.FirstSays(false).Should().BeFalse();
        var done = 0;
        ranks.AtFirst(() => done++);
        ranks.ThrowIfCancelled(CancellationToken.None);
        HostRead.Count.Should().Be(before);
        done.Should().Be(1);
        ranks.Invoking(r => r.ThrowIfCancelled(new CancellationToken(canceled: true))).Should().Throw<OperationCanceledException>();
    }

    [Fact]
    public void AtFirst_RunsAtTheFirstRankOnlyAndFailsAtAll()
    {
        var ran = new int[3];
        var failures = ThreadCollective.Run(3, collective =>
        {
            var ranks = new Ranks(collective);
            ranks.AtFirst(() => ran[collective.Rank]++);
            return ranks.Invoking(r => r.AtFirst(() => throw new IOException("full"))).Should().Throw<Exception>().Which;
        });
        ran.Should().Equal(1, 0, 0);
        failures[0].Should().BeOfType<IOException>();
        failures[1..].Should().OnlyContain(e => e is InvalidOperationException && e.Message == "Rank 0 failed, and the run with it. IOException: full");
    }

    [Theory]
    [InlineData(1)]
    [InlineData(40)]
    [InlineData(TensorBuckets.Size)]
    public void Exchange_TensorsOfEveryType_KeepTypeShapeAndPlace(long size)
    {
        using var scope = NewDisposeScope();
        Tensor[] Make() =>
        [
            tensor(new[] { 1.5, 2.5 }), tensor(new[] { 1f, 2, 3 }).reshape(3, 1), tensor(4f).to(ScalarType.BFloat16), zeros(0L), tensor(7L), tensor(new byte[] { 1, 2 }),
            tensor(new[] { true, false }), tensor(new[,] { { 1f, 2 }, { 3, 4 } }).t(), new Parameter(tensor(new[] { 9.0 })),
        ];
        var (given, plain) = (Make(), Make());
        var flat = new List<(ScalarType Type, long Count)>();
        TensorBuckets.Exchange(given, values =>
        {
            flat.Add((values.dtype, values.numel()));
            values.add_(1);
        }, size);
        given.Zip(plain).Should().OnlyContain(pair => pair.First.dtype == pair.Second.dtype && pair.First.shape.SequenceEqual(pair.Second.shape));
        foreach (var (actual, before) in given.Zip(plain).Where(pair => pair.First.dtype != ScalarType.Bool))
            TensorAssert.Values(actual).Should().Equal(TensorAssert.Values(before).Select(value => value + 1));
        flat.GroupBy(bucket => bucket.Type).ToDictionary(group => group.Key, group => group.Sum(bucket => bucket.Count)).Should().BeEquivalentTo(
            new Dictionary<ScalarType, long> { [ScalarType.Float64] = 3, [ScalarType.Float32] = 8, [ScalarType.Int64] = 5 });
        if (size == TensorBuckets.Size) flat.Should().HaveCount(3);
        if (size == 40) flat.Should().OnlyContain(bucket => bucket.Count <= 10);
    }

    [Fact]
    public void GradientReduction_MissingGradients_AppearWhereAnyRankHasOne()
    {
        var found = ThreadCollective.Run(2, collective =>
        {
            using var scope = NewDisposeScope();
            Parameter[] trained = [new(tensor(new[] { 1.0, 2 })), new(tensor(3.0)), new(tensor(4.0))];
            if (collective.Rank == 1) trained[0].grad = tensor(new[] { 5.0, 6 });
            trained[1].grad = tensor(1.0 + collective.Rank);
            var reduction = new GradientReduction(new Ranks(collective), trained, [], CancellationToken.None);
            var loss = reduction.Run(collective.Rank == 0 ? [(tensor(2.0), 0.25)] : [(tensor(4.0), 0.5), (tensor(8.0), 0.25)]);
            return (loss.ToDouble(), TensorAssert.Values(trained[0].grad!), trained[1].grad!.ToDouble(), trained[2].grad is null);
        });
        foreach (var (loss, first, second, third) in found)
        {
            loss.Should().Be(0.5 + 2 + 2);
            first.Should().Equal(5, 6);
            second.Should().Be(3);
            third.Should().BeTrue("a parameter without gradient at every rank stays without one");
        }
    }
}

using Ardir.Attacks;
using Ardir.Core;

namespace Ardir.Tests;

/// <summary>Which windows a query of the Square attack draws: the published numbers of a seed stay the same only if these do.</summary>
public sealed class SquareDrawsTests
{
    private const int Channels = 3;
    private const int Height = 9;
    private const int Width = 11;

    // The blocks of draws are 32 queries long: both ends of the first two, and a query of a later one.
    [Theory]
    [InlineData(false, true)]
    [InlineData(false, false)]
    [InlineData(true, true)]
    [InlineData(true, false)]
    public void Next_AnyQuery_ReadsTheStreamOfTheSampleAndTheQuery(bool odd, bool official)
    {
        using var scope = NewDisposeScope();
        using var draws = new SquareDraws(new SquareOptions { OfficialWindows = official }, odd, Channels, Height, Width);
        var streams = SampleStreams.ForSamples(7, null, 3);
        for (var query = 1; query < 80; query++)
        {
            var window = draws.Next(query, () => streams, CPU);
            for (var sample = 0; sample < 3; sample++) Expect(window, sample, draws.Side(query), streams.Keys[sample], query, odd, official);
        }
    }

    [Fact]
    public void Narrow_WithinABlock_KeepsTheDrawsOfTheSamplesThatStay()
    {
        using var scope = NewDisposeScope();
        using var draws = new SquareDraws(new SquareOptions(), odd: true, Channels, Height, Width);
        var streams = SampleStreams.ForSamples(7, null, 3);
        draws.Narrow(tensor([0L, 2]));   // before the first block there is nothing to keep
        draws.Next(1, () => streams, CPU);
        draws.Narrow(tensor([2L, 0]));
        // Still the first block, so nobody is asked for streams.
        var window = draws.Next(32, () => throw new InvalidOperationException(), CPU);
        Expect(window, 0, draws.Side(32), streams.Keys[2], 32, odd: true, official: true);
        Expect(window, 1, draws.Side(32), streams.Keys[0], 32, odd: true, official: true);
        var act = () => draws.Next(33, () => throw new InvalidOperationException(), CPU);
        act.Should().Throw<InvalidOperationException>();
    }

    [Theory]
    [InlineData(9, 3, true, 6)]
    [InlineData(9, 3, false, 7)]
    [InlineData(9, 9, true, 1)]
    [InlineData(9, 9, false, 1)]
    [InlineData(9, 8, true, 1)]
    public void Corners_Axis_AreThoseOfThePublishedCodeOrAll(int size, int side, bool official, int expected) =>
        SquareDraws.Corners(size, side, official).Should().Be(expected);

    // Row and column of both corners, whether the bump lies on its side, and one direction for each channel, each from 64 bits of the stream.
    private static void Expect(SquareWindow window, int sample, int side, ulong key, int query, bool odd, bool official)
    {
        var state = SeedMixer.Mix(key, (ulong)query);
        int Number(int bound) => SeedMixer.ToInt(SeedMixer.Next(ref state), bound);
        var (rows, columns) = (Math.Max(Height - side + (official ? 0 : 1), 1), Math.Max(Width - side + (official ? 0 : 1), 1));
        var first = (Row: Number(rows), Column: Number(columns));
        var second = (Row: Number(rows), Column: Number(columns));
        TensorAssert.Longs(window.First[sample]).Should().Equal(Places(first));
        TensorAssert.Longs(window.Second[sample]).Should().Equal(Places(odd ? second : first));
        window.Transposed[sample].ToInt64().Should().Be(Number(2));
        TensorAssert.Longs(window.Up[sample].flatten()).Should().Equal(Enumerable.Range(0, Channels).Select(_ => (long)Number(2)));

        IEnumerable<long> Places((int Row, int Column) corner) =>
            from channel in Enumerable.Range(0, Channels)
            from row in Enumerable.Range(corner.Row, side)
            from column in Enumerable.Range(corner.Column, side)
            select (long)(channel * Height + row) * Width + column;
    }
}

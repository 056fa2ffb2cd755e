using Ardir.Attacks;

namespace Ardir.Tests;

public sealed class SquareScheduleTests
{
    private static readonly int[] _steps = [0, 11, 51, 201, 501, 1001, 2001, 4001];

    [Fact]
    public void Share_ReferenceSchedule_Equal()
    {
        var golden = GoldenFile.Load("square_schedule");
        var initial = golden.Number("p_init");
        var iterations = golden.At("iterations").EnumerateArray().Select(value => value.GetInt32()).ToArray();
        for (var i = 0; i < iterations.Length; i++)
        {
            var share = SquareSchedule.Share(SquareSchedule.Place(iterations[i], 5000, rescale: false), initial);
            share.Should().Be(golden.Number($"p/{i}"));
            SquareSchedule.Side(share, 32, 32).Should().Be((int)golden.Number($"linf_side_32/{i}"));
            SquareSchedule.Side(share, 28, 28).Should().Be((int)golden.Number($"linf_side_28/{i}"));
        }
    }

    [Theory]
    [InlineData(32, new[] { 29, 20, 14, 10, 7, 5, 4, 3 }, new[] { 29, 21, 15, 11, 7, 5, 5, 3 })]
    [InlineData(28, new[] { 25, 18, 13, 9, 6, 4, 3, 2 }, new[] { 25, 19, 13, 9, 7, 5, 3, 3 })]
    public void Side_KnownImages_AsPublished(int size, int[] linf, int[] l2)
    {
        _steps.Select(step => SquareSchedule.Side(SquareSchedule.Share(step, 0.8), size, size)).Should().Equal(linf);
        _steps.Select(step => SquareSchedule.OddSide(SquareSchedule.Share(step, 0.8), size, size)).Should().Equal(l2);
    }

    [Fact]
    public void Place_Rescaled_StretchesToTenThousand()
    {
        SquareSchedule.Place(999, 1000, rescale: true).Should().Be(9990);
        SquareSchedule.Place(1, 3, rescale: true).Should().Be(3333);
        SquareSchedule.Share(9990, 0.8).Should().Be(0.8 / 512);
        SquareSchedule.Share(6001, 0.8).Should().Be(0.8 / 256);
    }

    [Theory]
    [InlineData(10, 2)]
    [InlineData(50, 4)]
    [InlineData(200, 8)]
    [InlineData(500, 16)]
    [InlineData(1000, 32)]
    [InlineData(2000, 64)]
    [InlineData(4000, 128)]
    [InlineData(6000, 256)]
    [InlineData(8000, 512)]
    public void Share_Halving_BeginsAfterItsQuery(int query, int divisor)
    {
        SquareSchedule.Share(query, 0.8).Should().Be(0.8 / (divisor / 2));
        SquareSchedule.Share(query + 1, 0.8).Should().Be(0.8 / divisor);
    }

    // Side 2: a row of two as the upper half, the other way up as the lower one. Side 1 has no upper half.
    [Fact]
    public void Bump_SmallestSides_AreThoseComputedByHand()
    {
        static double Length(double[] values) => Math.Sqrt(values.Sum(value => value * value));
        SquareBump.Create(1, 2, Length).Should().Equal(-1, -1);
        // The middle is at the second value, where both squares lie; the first has the outer one alone.
        var (outer, middle) = (0.25 / Math.Sqrt(2 * (0.0625 + 1.5625)), 1.25 / Math.Sqrt(2 * (0.0625 + 1.5625)));
        double[] expected = [outer, middle, -outer, -middle, outer, -outer, middle, -middle];
        var bump = SquareBump.Create(2, 2, Length);
        for (var at = 0; at < 8; at++) bump[at].Should().BeApproximately(expected[at], 1e-12);
    }

    [Fact]
    public void Side_AnyImage_FitsInside()
    {
        for (var height = 1; height <= 24; height++)
        {
            foreach (var width in new[] { 1, 2, 5, 24, 31 })
            {
                foreach (var step in _steps)
                {
                    var share = SquareSchedule.Share(step, 1);
                    SquareSchedule.Side(share, height, width).Should().BeInRange(1, Math.Min(height, width));
                    SquareSchedule.OddSide(share, height, width).Should().BeInRange(1, Math.Min(height, width));
                }
            }
        }
    }

    [Fact]
    public void Bump_AnySide_HasUnitLengthAndItsTranspose()
    {
        double Two(double[] values) => Math.Sqrt(values.Sum(value => value * value));
        double One(double[] values) => values.Sum(Math.Abs);
        foreach (var (power, length) in new (int, Func<double[], double>)[] { (2, Two), (4, One) })
        {
            foreach (var side in new[] { 1, 2, 3, 5, 8, 29 })
            {
                var bump = SquareBump.Create(side, power, length);
                length(bump[..(side * side)]).Should().BeApproximately(1, 1e-12);
                for (var row = 0; row < side; row++)
                    for (var column = 0; column < side; column++)
                        bump[(side + row) * side + column].Should().Be(bump[column * side + row]);
            }
        }
        // By hand: side 3, power 2. Upper 1x3 and lower 2x3 with the middle at (0,1) and (1,1).
        var three = SquareBump.Create(3, 2, Two);
        double[] upper = [0.25, 1.25, 0.25];
        double[] lower = [0.25, 0.25, 0.25, 0.25, 1.25, 0.25];
        double[] expected = [.. upper.Select(v => v / Two(upper) / Math.Sqrt(2)), .. lower.Select(v => -v / Two(lower) / Math.Sqrt(2))];
        for (var i = 0; i < 9; i++) three[i].Should().BeApproximately(expected[i], 1e-12);
    }
}

using Ardir.Attacks;
using Ardir.Core;

namespace Ardir.Tests;

/// <summary>When a value that has to reach zero is out of reach, by hand.</summary>
public sealed class ProspectTests
{
    // From -4.5 to -4 in 20 steps and to the given value in 20 more, 60 before the end. Three times as fast as the last 20 steps gains
    // (v + 4) * 3 / 20 * 60 = 9 (v + 4): enough from 9 (v + 4) = -v on, which is -3.6.
    [Theory]
    [InlineData(-3.59, false)]
    [InlineData(-3.61, true)]
    public void Look_RecentProgress_IsTakenTimesTheSpeedup(double value, bool expected)
    {
        using var scope = NewDisposeScope();
        using var prospect = new Prospect(tensor([-4.5]), maxSpeedup: 3);
        prospect.Learn(tensor([-4.0]));
        Flags(prospect.Look(20, 100)).Should().Equal(false);
        prospect.Learn(tensor([value]));
        Flags(prospect.Look(40, 100)).Should().Equal(expected);
    }

    // A pause of 20 steps after gaining g in 20: the mean of all 40, for 60 more, is 1.5 g, which is enough from 2.5 g = 10 on.
    [Theory]
    [InlineData(4.01, false)]
    [InlineData(3.99, true)]
    public void Look_Pause_IsForgivenWhereTheMeanProgressIsEnough(double gain, bool expected)
    {
        using var scope = NewDisposeScope();
        using var prospect = new Prospect(tensor([-10.0]), maxSpeedup: 3);
        prospect.Learn(tensor([gain - 10]));
        prospect.Look(20, 100);
        prospect.Learn(tensor([-11.0]));
        Flags(prospect.Look(40, 100)).Should().Equal(expected);
    }

    [Fact]
    public void Look_ValuesThatAreNoNumbers_AreNotOutOfReach()
    {
        using var scope = NewDisposeScope();
        using var prospect = new Prospect(tensor([-1.0, double.NaN, double.NegativeInfinity, -1]), maxSpeedup: 3);
        prospect.Learn(tensor([-1.0, -1, double.NegativeInfinity, double.NaN]));
        Flags(prospect.Look(20, 100)).Should().Equal(true, false, false, false);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(-1)]
    public void Constructor_SpeedupThatIsNotPositive_IsRefused(double speedup)
    {
        using var scope = NewDisposeScope();
        var act = () => new Prospect(zeros(1), speedup);
        act.Should().Throw<ArgumentOutOfRangeException>().WithParameterName("maxSpeedup");
    }

    [Fact]
    public void Narrow_Rows_KeepTheirOwnProgress()
    {
        using var scope = NewDisposeScope();
        using var prospect = new Prospect(tensor([-10.0, -10, -10]), maxSpeedup: 3);
        prospect.Learn(tensor([-4.0, -9.9, -4]));
        prospect.Look(20, 100);
        prospect.Narrow(tensor([2L, 1L]));
        prospect.Learn(tensor([-3.5, -9.9]));
        Flags(prospect.Look(40, 100)).Should().Equal(false, true);
        LeakAssert.None(() =>
        {
            using var inner = NewDisposeScope();
            using var other = new Prospect(tensor([-10.0, -10, -10]), maxSpeedup: 3);
            other.Learn(tensor([-4.0, -9.9, -4]));
            other.Look(20, 100);
            other.Narrow(tensor([2L, 1L]));
        }, runs: 2);
    }

    private static bool[] Flags(Tensor flags) => [.. flags.data<bool>()];
}

using Ardir.Samples;

namespace Ardir.Tests;

public sealed class TimeLeftTests
{
    [Fact]
    public void After_KeepsThePaceOfTheWork()
    {
        var left = new TimeLeft([10, 30, 60]);
        left.Begin(0, 0);
        left.After(0, TimeSpan.FromSeconds(3)).Should().BeNull("nothing is known before anything is done");
        left.After(0.5, TimeSpan.FromSeconds(5)).Should().Be(TimeSpan.FromSeconds(95));
        left.Begin(1, 0);
        left.After(0.5, TimeSpan.FromSeconds(50)).Should().Be(TimeSpan.FromSeconds(150), "25 parts took 50 seconds and 75 are left");
        left.Fraction.Should().Be(0.25);
        left.Begin(2, 0);
        left.After(1, TimeSpan.FromSeconds(120)).Should().Be(TimeSpan.Zero);
        left.Fraction.Should().Be(1);
    }

    [Fact]
    public void After_DoesNotCountWhatAnEarlierProcessDid()
    {
        var left = new TimeLeft([10, 30, 60]);
        left.Begin(0, 0);
        left.Begin(0, 1);
        left.Begin(1, 0);
        left.Begin(1, 0.5);
        left.After(0.5, TimeSpan.FromSeconds(1)).Should().BeNull();
        left.After(1, TimeSpan.FromSeconds(30)).Should().Be(TimeSpan.FromSeconds(120), "15 parts took 30 seconds and 60 are left");
    }

    [Fact]
    public void Restart_ForgetsThePaceOfTheWarmUp()
    {
        var left = new TimeLeft([10, 30, 60]);
        left.Begin(0, 0);
        left.After(0.5, TimeSpan.FromSeconds(20)).Should().Be(TimeSpan.FromSeconds(380));
        left.Restart(TimeSpan.FromSeconds(20));
        left.After(0.5, TimeSpan.FromSeconds(21)).Should().BeNull("nothing is done since");
        left.After(1, TimeSpan.FromSeconds(22)).Should().Be(TimeSpan.FromSeconds(36), "5 parts took 2 seconds and 90 are left");
        left.Begin(1, 0);
        left.After(0.5, TimeSpan.FromSeconds(30)).Should().Be(TimeSpan.FromSeconds(37.5), "20 parts took 10 seconds and 75 are left");
    }

    [Theory]
    [InlineData(0, "about 0:00 min left")]
    [InlineData(160, "about 2:40 min left")]
    [InlineData(3599, "about 59:59 min left")]
    [InlineData(5400, "about 1.5 h left")]
    public void Text_IsForPeople(int seconds, string expected) => TimeLeft.Text(TimeSpan.FromSeconds(seconds)).Should().Be(expected);
}

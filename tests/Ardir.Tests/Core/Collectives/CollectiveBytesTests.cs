using Ardir.Core;

namespace Ardir.Tests;

public sealed class CollectiveBytesTests
{
    [Fact]
    public void AllGather_MessagesOfAnyLength_NoneIsToldApartFromEmpty()
    {
        byte[]?[] messages = [[1, 2, 3], null, [], [4]];
        var results = ThreadCollective.Run(4, ranks => CollectiveBytes.AllGather(ranks, messages[ranks.Rank]));
        foreach (var received in results) received.Should().BeEquivalentTo(messages, options => options.WithStrictOrdering());
    }

    [Fact]
    public void AllGather_NothingToSay_TakesOneCall()
    {
        var calls = ThreadCollective.Run(2, ranks =>
        {
            CollectiveBytes.AllGather(ranks, ranks.Rank == 0 ? [] : null).Should().BeEquivalentTo(new byte[]?[] { [], null });
            return ranks.Calls;
        });
        calls.Should().Equal(1, 1);
    }

    [Fact]
    public void AllGather_LeavesNoTensorBehind() => LeakAssert.None(() => CollectiveBytes.AllGather(SoloCollective.Instance, [1, 2]));
}

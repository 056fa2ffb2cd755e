using Ardir.Core;

namespace Ardir.Tests;

public class SoloCollectiveTests
{
    [Fact]
    public void IsTheOnlyRank()
    {
        Assert.Equal(0, SoloCollective.Instance.Rank);
        Assert.Equal(1, SoloCollective.Instance.Size);
    }

    [Fact]
    public void LeavesValuesAsTheyAre()
    {
        using var values = tensor(new[] { 1.5, -2 });
        SoloCollective.Instance.AllReduce(values, Reduction.Max);
        SoloCollective.Instance.AllReduce(values);
        SoloCollective.Instance.Broadcast(values);
        SoloCollective.Instance.Barrier();
        Assert.Equal([1.5, -2], HostRead.Array<double>(values));
    }

    [Fact]
    public void AllGather_ReturnsACopy()
    {
        using var values = tensor(new long[,] { { 1, 2 }, { 3, 4 } });
        using var gathered = SoloCollective.Instance.AllGather(values);
        values.zero_();
        Assert.Equal([2, 2], gathered.shape);
        Assert.Equal([1, 2, 3, 4], HostRead.Array<long>(gathered));
    }

    [Fact]
    public void RefusesWhatNoImplementationTakes()
    {
        var solo = SoloCollective.Instance;
        using var half = zeros(2, float16);
        using var trained = zeros(2, requires_grad: true);
        using var single = tensor(1.0);
        Assert.Contains("Float16", Assert.Throws<ArgumentException>(() => solo.AllReduce(half)).Message);
        Assert.Contains("requires a gradient", Assert.Throws<ArgumentException>(() => solo.Broadcast(trained)).Message);
        Assert.Contains("[n,...]", Assert.Throws<ArgumentException>(() => solo.AllGather(single)).Message);
        Assert.Contains("0 to 0", Assert.Throws<ArgumentOutOfRangeException>(() => solo.Broadcast(single, root: 1)).Message);
        Assert.Throws<ArgumentNullException>(() => solo.AllReduce(null!));
    }
}

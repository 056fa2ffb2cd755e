using Ardir.Core;

namespace Ardir.Tests;

/// <summary>The feature maps of a pass as a collection that owns its tensors.</summary>
public sealed class FeatureMapsTests
{
    [Fact]
    public void Refused_AreDisposed()
    {
        using var scope = NewDisposeScope();
        Tensor first = ones(1), second = ones(1), third = ones(1);
        FluentActions.Invoking(() => new FeatureMaps([("a", first), ("a", second)])).Should().Throw<ArgumentException>().WithMessage("*must differ; got a, a*");
        FluentActions.Invoking(() => new FeatureMaps([("a", third), ("b", null!)])).Should().Throw<ArgumentException>().WithMessage("Layer 'b' has no map*");
        new[] { first, second, third }.Should().OnlyContain(map => map.IsInvalid);
    }

    [Fact]
    public void AChangeThatFails_LeavesNothing_AndTheMapsAsTheyWere()
    {
        using var maps = new FeatureMaps([("a", ones(1)), ("b", ones(2)), ("c", ones(3))]);
        LeakAssert.None(() => Assert.Throws<InvalidOperationException>(() => maps.Map(map => map.numel() switch
        {
            1 => map,
            2 => map + 1,
            _ => throw new InvalidOperationException(),
        })));
        maps.Sum(map => map.sum().ToDouble()).Should().Be(6);
    }

    [Fact]
    public void UnknownOrEqualNames_Refused()
    {
        using var scope = NewDisposeScope();
        var maps = new FeatureMaps([("a", ones(1)), ("b", ones(1))]);
        var unknown = () => maps["c"];
        unknown.Should().Throw<KeyNotFoundException>().WithMessage("*'c'*a, b*");
        var twice = () => new FeatureMaps([("a", ones(1)), ("a", ones(1))]);
        twice.Should().Throw<ArgumentException>().WithMessage("*must differ*");
        maps.Select(map => map.IsInvalid).Should().Equal(false, false);
    }
}

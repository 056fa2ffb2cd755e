using Ardir.Core;

namespace Ardir.Tests;

/// <summary>How many values sparse L1 descent moves, and the size of the Gaussian starts.</summary>
public sealed class SparseAscentTests
{
    [Theory]
    [InlineData(0.3, 5)]     // 4.8 of 16
    [InlineData(0.25, 4)]    // exactly 4
    [InlineData(0.01, 1)]
    [InlineData(1, 16)]
    [InlineData(0, 1)]       // never none
    [InlineData(1.5, 16)]    // nor more than there are
    public void SparseAscent_Share_IsRoundedUpToWholeValues(double share, int moved)
    {
        using var scope = NewDisposeScope();
        // 1, -2, 3, ..., -16 in two samples, the second the other way round.
        var values = arange(1, 17, ScalarType.Float64) * tensor(Enumerable.Range(0, 16).Select(i => i % 2 == 0 ? 1.0 : -1).ToArray());
        var gradient = stack([values, values.flip(0)]).reshape(2, 1, 4, 4);
        var direction = ThreatModel.L1(1).Ball.SparseAscent(gradient, share);
        double[] first = [.. Enumerable.Range(0, 16).Select(i => i < 16 - moved ? 0 : (i % 2 == 0 ? 1.0 : -1) / moved)];
        TensorAssert.Close(direction, [.. first, .. first.Reverse()], 1e-15);
    }

    [Fact]
    public void SparseAscent_FewerValuesThanTheShare_MovesNoneThatHasNoGradient()
    {
        using var scope = NewDisposeScope();
        var gradient = zeros([1, 1, 4, 4], ScalarType.Float64);
        gradient[0, 0, 1, 2] = -3;
        var direction = ThreatModel.L1(1).Ball.SparseAscent(gradient, 0.5);
        direction[0, 0, 1, 2].ToDouble().Should().Be(-1);
        direction.abs().sum().ToDouble().Should().Be(1);
    }

    [Theory]
    [InlineData(RandomStart.Gaussian)]
    [InlineData(RandomStart.GaussianUnclamped)]
    public void SampleStart_Gaussian_DeviatesByOneThousandth(RandomStart kind)
    {
        using var scope = NewDisposeScope();
        var images = full([8, 3, 32, 32], 0.5, ScalarType.Float64);
        // 24,576 values: their deviation is known to half a percent, their mean to 6e-6.
        var noise = ThreatModel.Linf(0.1).SampleStart(images, kind, seed: 4) - images;
        noise.std().ToDouble().Should().BeApproximately(1e-3, 3e-5);
        noise.mean().ToDouble().Should().BeApproximately(0, 4e-5);
        noise.abs().max().ToDouble().Should().BeGreaterThan(3e-3, "no uniform distribution of that deviation reaches it");
    }
}

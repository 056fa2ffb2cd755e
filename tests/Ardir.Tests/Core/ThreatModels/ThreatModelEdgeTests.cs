using Ardir.Core;

namespace Ardir.Tests;

/// <summary>
/// Where threat models are decided by small numbers: bends that lie close together, gradients that are nearly zero, starts on the border.
/// </summary>
public sealed class ThreatModelEdgeTests
{
    [Fact]
    public void Ascent_GradientsNearZero_HaveLengthOneDownToTheSmallestOfTheirType()
    {
        using var scope = NewDisposeScope();
        foreach (var norm in new[] { PerturbationNorm.L2, PerturbationNorm.L1 })
        {
            var ball = Balls.Of(norm, 1).Ball;
            foreach (var dtype in new[] { ScalarType.Float32, ScalarType.Float64 })
            {
                var small = full([1, 1, 2, 2], 1e-9, dtype);
                ball.Norm(ball.Ascent(small).flatten(1)).to(ScalarType.Float64).item<double>().Should().BeApproximately(1, 1e-6);
            }
            // The smallest length of float32 would be zero in float16, and zero by zero no number.
            ball.Ascent(zeros([1, 1, 2, 2], ScalarType.Float16)).abs().max().ToDouble().Should().Be(0);
        }
    }

    [Theory]
    [InlineData(PerturbationNorm.Linf)]
    [InlineData(PerturbationNorm.L2)]
    [InlineData(PerturbationNorm.L1)]
    public void SampleStart_Clamped_IsTheUnclampedOneCutToTheBox(PerturbationNorm norm)
    {
        using var scope = NewDisposeScope();
        var images = TinyModels.Images(8, ScalarType.Float64, low: -0.5, high: 1.5).clamp(0, 1);
        var threat = Balls.Of(norm, 0.3);
        var pairs = new[] { (RandomStart.Uniform, RandomStart.UniformUnclamped), (RandomStart.Gaussian, RandomStart.GaussianUnclamped) };
        foreach (var (clamped, free) in pairs)
        {
            var start = threat.SampleStart(images, free, seed: 5);
            TensorAssert.Same(threat.SampleStart(images, clamped, seed: 5), start.clamp(0, 1));
            TensorAssert.Different(start, start.clamp(0, 1));
        }
    }

    [Fact]
    public void SampleStart_RandomRadiusInL1_SharesTheLengthAsExponentialGapsDo()
    {
        using var scope = NewDisposeScope();
        // Of three values, each has a share of the length that is below s with probability 1 - (1 - s)^2.
        var images = full([4000, 1, 1, 3], 0.5, ScalarType.Float64);
        var delta = (ThreatModel.L1(0.2).SampleStart(images, RandomStart.RandomRadius, seed: 9) - images).flatten(1).abs();
        var shares = TensorAssert.Values(delta.select(1, 0) / delta.sum(1))
            .Select(share => 1 - (1 - share) * (1 - share)).Order().ToArray();
        var distance = shares.Select((value, i) => Math.Max((i + 1.0) / shares.Length - value, value - (double)i / shares.Length)).Max();
        distance.Should().BeLessThan(1.95 / Math.Sqrt(shares.Length));
    }
}

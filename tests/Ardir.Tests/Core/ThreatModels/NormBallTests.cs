using Ardir.Core;

namespace Ardir.Tests;

/// <summary>Directions, starts and the cheap way back into the ball, in closed form.</summary>
public sealed class NormBallTests
{
    [Theory]
    [InlineData(PerturbationNorm.Linf, new[] { 1.0, -1 })]
    [InlineData(PerturbationNorm.L2, new[] { 0.6, -0.8 })]
    [InlineData(PerturbationNorm.L1, new[] { 3 / 7.0, -4 / 7.0 })]
    public void Ascent_GradientOfAnySize_HasLengthOne(PerturbationNorm norm, double[] expected)
    {
        using var scope = NewDisposeScope();
        var ball = Balls.Of(norm, 0.5).Ball;
        foreach (var size in new[] { 1e-10, 1e-5, 1, 1e8 })
            TensorAssert.Close(ball.Ascent(tensor([3 * size, -4 * size], [1, 1, 1, 2])), expected, 1e-12);
        // Divided by a length of zero it would be no number, in half precision also by the usual 1e-12, which is zero there.
        foreach (var dtype in new[] { ScalarType.Float64, ScalarType.Float32, ScalarType.Float16, ScalarType.BFloat16 })
            TensorAssert.Values(ball.Ascent(zeros([1, 1, 1, 2], dtype))).Should().Equal(0, 0);
    }

    [Fact]
    public void Smallest_IsWhatADtypeCanHold()
    {
        EuclideanLength.Smallest(ScalarType.Float64).Should().Be(1e-12);
        EuclideanLength.Smallest(ScalarType.Float32).Should().Be(1e-12);
        EuclideanLength.Smallest(ScalarType.BFloat16).Should().Be(1e-12);
        EuclideanLength.Smallest(ScalarType.Float16).Should().Be(6e-8);
    }

    [Fact]
    public void BallThenBox_L2_ScalesToTheRadiusAndThenClamps()
    {
        using var scope = NewDisposeScope();
        var images = tensor(new[] { 0.9, 0.5, 0.1, 0.5, 0.5, 0.5 }, [3, 1, 1, 2]);
        // A change of length one, cut to half and then at the upper edge; the same at the lower one; one inside the ball.
        var points = tensor(new[] { 1.5, 1.3, -0.5, -0.3, 0.6, 0.3 }, [3, 1, 1, 2]);
        TensorAssert.Close(ThreatModel.L2(0.5).Ball.BallThenBox(images, points, 0.5), [1, 0.9, 0, 0.1, 0.6, 0.3], 1e-12);
        TensorAssert.Same(ThreatModel.L2(0.5).Ball.BallThenBox(images, images, 0.5), images);
    }

    [Fact]
    public void ClampsOnDevice_SaysWhichProjectionsReadNothingOnTheHost()
    {
        ThreatModel.Linf(0.5).Ball.ClampsOnDevice.Should().BeTrue();
        ThreatModel.L2(0.5).Ball.ClampsOnDevice.Should().BeTrue();
        ThreatModel.L1(0.5).Ball.ClampsOnDevice.Should().BeFalse();
    }

    [Theory]
    [InlineData(PerturbationNorm.Linf)]
    [InlineData(PerturbationNorm.L2)]
    [InlineData(PerturbationNorm.L1)]
    public void SampleStart_ClampedKinds_AreTheUnclampedOnesInTheBox(PerturbationNorm norm)
    {
        using var scope = NewDisposeScope();
        var images = TinyModels.Random([16, 1, 4, 4], 2, ScalarType.Float64).round();
        var threat = Balls.Of(norm, 0.5);
        foreach (var (clamped, free) in new[] { (RandomStart.Uniform, RandomStart.UniformUnclamped), (RandomStart.Gaussian, RandomStart.GaussianUnclamped) })
            TensorAssert.Same(threat.SampleStart(images, clamped, 3), threat.SampleStart(images, free, 3).clamp(0, 1));
    }

    [Fact]
    public void SampleStart_RandomRadiusInL1_SpreadsTheLengthOverTheValuesAsLaplaceDoes()
    {
        using var scope = NewDisposeScope();
        var images = full([2000, 1, 1, 2], 0.5, ScalarType.Float64);
        var delta = ThreatModel.L1(0.2).SampleStart(images, RandomStart.RandomRadius, 5) - images;
        // Of two exponential numbers the share of the first is uniform in [0,1].
        double[] shares = [.. TensorAssert.Values(delta).Chunk(2).Select(pair => Math.Abs(pair[0]) / (Math.Abs(pair[0]) + Math.Abs(pair[1]))).Order()];
        shares.Select((share, i) => Math.Abs(share - (i + 0.5) / shares.Length)).Max().Should().BeLessThan(1.95 / Math.Sqrt(shares.Length));
        // All four quadrants.
        TensorAssert.Values(delta).Chunk(2).Select(pair => (pair[0] > 0, pair[1] > 0)).GroupBy(signs => signs).Select(group => group.Count()).Should().HaveCount(4).And.OnlyContain(count => count > 400);
    }

    [Theory]
    [InlineData(PerturbationNorm.Linf)]
    [InlineData(PerturbationNorm.L2)]
    [InlineData(PerturbationNorm.L1)]
    public void RandomDirection_OfAnyNorm_HasLengthOneAndPrefersNoSign(PerturbationNorm norm)
    {
        using var scope = NewDisposeScope();
        var like = zeros([8, 3, 16, 16], ScalarType.Float64);
        var ball = Balls.Of(norm, 0.5).Ball;
        var direction = ball.RandomDirection(like, SampleStreams.ForSamples(seed: 3, indices: null, count: 8));
        TensorAssert.Close(ball.Norm(direction.flatten(1)), [.. Enumerable.Repeat(1.0, 8)], 1e-12);
        // Of 6144 values with either sign alike, half are positive, give or take five standard deviations.
        (direction > 0).to(ScalarType.Float64).mean().ToDouble().Should().BeApproximately(0.5, 5 * 0.5 / Math.Sqrt(6144));
    }
}

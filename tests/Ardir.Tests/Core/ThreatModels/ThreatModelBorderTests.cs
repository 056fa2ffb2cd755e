using Ardir.Core;

namespace Ardir.Tests;

/// <summary>The borders of radii, lengths and rounding, each met exactly, and random starts against their noise.</summary>
public sealed class ThreatModelBorderTests
{
    [Fact]
    public void Create_LargestEpsilon_IsAllowedAndNothingAbove()
    {
        ThreatModel.Linf(1).Epsilon.Should().Be(1);
        ThreatModel.L2(1e9).Epsilon.Should().Be(1e9);
        ThreatModel.L1(1e9).Epsilon.Should().Be(1e9);
        foreach (var create in new Func<ThreatModel>[] { () => ThreatModel.Linf(1.5), () => ThreatModel.Linf(1).WithEpsilon(1.5) })
            create.Should().Throw<ArgumentOutOfRangeException>().WithParameterName("epsilon").WithMessage("*above 1 *8/255.0*");
        foreach (var create in new Func<ThreatModel>[] { () => ThreatModel.L2(1.5e9), () => ThreatModel.L1(1.5e9) })
            create.Should().Throw<ArgumentOutOfRangeException>().WithParameterName("epsilon").WithMessage("*at most 1E+009*");
    }

    [Theory]
    [InlineData(PerturbationNorm.Linf)]
    [InlineData(PerturbationNorm.L1)]
    public void Contains_ToleratedLength_IsTheLastOneInside(PerturbationNorm norm)
    {
        using var scope = NewDisposeScope();
        var threat = Balls.Of(norm, 0.25);
        threat.ToleratedEpsilon.Should().Be(0.25 * (1 + 1e-6) + 1e-7);
        var images = zeros([2, 1, 1, 2], ScalarType.Float64);
        var points = tensor(new[] { threat.ToleratedEpsilon, 0, 0, Math.BitIncrement(threat.ToleratedEpsilon) }, [2, 1, 1, 2]);
        threat.Contains(images, points).data<bool>().ToArray().Should().Equal(true, false);
    }

    [Fact]
    public void Contains_OneValueOutsideTheBox_IsOutside()
    {
        using var scope = NewDisposeScope();
        var images = tensor(new[] { 0, 0.5, 1, 0.5, 0, 1 }, [3, 1, 1, 2]);
        var points = tensor(new[] { -1e-9, 0.5, 1 + 1e-9, 0.5, 0, 1 }, [3, 1, 1, 2]);
        foreach (var norm in Enum.GetValues<PerturbationNorm>())
            Balls.Of(norm, 0.25).Contains(images, points).data<bool>().ToArray().Should().Equal(false, false, true);
    }

    [Fact]
    public void ContainsAndProject_TensorsThatDoNotFit_AreNamed()
    {
        using var scope = NewDisposeScope();
        var threat = ThreatModel.Linf(0.25);
        var images = zeros(2, 1, 2, 2);
        threat.Invoking(t => t.Contains(images, zeros(1, 1, 2, 2)))
            .Should().Throw<ArgumentException>().WithParameterName("candidate");
        threat.Invoking(t => t.Project(full_like(images, double.NaN), images))
            .Should().Throw<ArgumentException>().WithMessage("*NaN*").WithParameterName("reference");
    }

    [Theory]
    [InlineData(PerturbationNorm.L2)]
    [InlineData(PerturbationNorm.L1)]
    public void Project_PointInsideThatTouchesTheBox_ChangesNoBit(PerturbationNorm norm)
    {
        using var scope = NewDisposeScope();
        // Most of the values would lose a bit if they were computed as x + (y - x).
        var x = TinyModels.Random([1, 1, 8, 8], 5, ScalarType.Float64);
        var y = TinyModels.Random([1, 1, 8, 8], 6, ScalarType.Float64);
        TensorAssert.Different(x + (y - x), y);
        foreach (var edge in new[] { 0, 1 })
        {
            y[0, 0, 0, 0] = edge;
            TensorAssert.Same(Balls.Of(norm, 64).Project(x, y), y);
        }
    }

    [Fact]
    public void Reach_IsTheRadiusAndOnePartInATrillion()
    {
        NormBall.Reach(0.5).Should().Be(0.5 * (1 + 1e-12) + 1e-12);
        using var scope = NewDisposeScope();
        var lengths = tensor(new[] { NormBall.Reach(0.5), Math.BitIncrement(NormBall.Reach(0.5)) });
        NormBall.IsBeyond(lengths, 0.5).data<bool>().ToArray().Should().Equal(false, true);
    }

    [Fact]
    public void RoundInward_MovesThatFloat32Holds_ChangeNoBitAndOthersStopShort()
    {
        using var scope = NewDisposeScope();
        Tensor Rounded(params double[] moves) => NormBall.RoundInward(full_like(tensor(moves), 0.5), tensor(moves), ScalarType.Float32);
        TensorAssert.Values(Rounded(0.25, -0.25, 0)).Should().Equal(0.75, 0.25, 0.5);
        // The floats nearest to 0.6 and 0.4 are both a little larger: the first is too far away, the second is not.
        TensorAssert.Values(Rounded(0.1, -0.1)).Should().Equal((double)MathF.BitDecrement(0.6f), 0.4f);
        // And those nearest to 0.7 and 0.3: a little smaller, a little larger.
        TensorAssert.Values(Rounded(0.2, -0.2)).Should().Equal(0.7f, 0.3f);
    }

    [Theory]
    [InlineData(PerturbationNorm.Linf)]
    [InlineData(PerturbationNorm.L2)]
    [InlineData(PerturbationNorm.L1)]
    public void SampleStart_UnclampedOrInsideTheBox_AddsTheNoiseItself(PerturbationNorm norm)
    {
        using var scope = NewDisposeScope();
        var images = full([5, 1, 2, 3], 0.5, ScalarType.Float64);
        var threat = Balls.Of(norm, 0.2);
        SampleStreams Streams() => SampleStreams.ForSamples(seed: 4, indices: null, count: 5);
        var uniform = images + threat.Ball.Uniform(images, 0.2, Streams());
        TensorAssert.Same(threat.SampleStart(images, RandomStart.Uniform, 4), uniform);
        TensorAssert.Same(threat.SampleStart(images, RandomStart.UniformUnclamped, 4), uniform);
        var radius = images + threat.Ball.RandomRadius(images, 0.2, Streams());
        TensorAssert.Same(threat.SampleStart(images, RandomStart.RandomRadius, 4), radius);
        var gaussian = images + Streams().Normal(images) * 0.001;
        TensorAssert.Close(threat.SampleStart(images, RandomStart.Gaussian, 4), gaussian, 1e-16);
        TensorAssert.Close(threat.SampleStart(images, RandomStart.GaussianUnclamped, 4), gaussian, 1e-16);
    }

    [Fact]
    public void Uniform_Linf_IsTheStreamItself()
    {
        using var scope = NewDisposeScope();
        var like = zeros([4, 1, 2, 2], ScalarType.Float64);
        SampleStreams Streams() => SampleStreams.ForSamples(seed: 2, indices: null, count: 4);
        TensorAssert.Same(ThreatModel.Linf(0.2).Ball.Uniform(like, 0.2, Streams()), Streams().Uniform(like, -0.2, 0.2));
    }
}

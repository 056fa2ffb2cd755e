using Ardir.Core;

namespace Ardir.Tests;

public sealed class RandomStartTests
{
    private const double Epsilon = 0.2;

    public static TheoryData<PerturbationNorm, RandomStart> All
    {
        get
        {
            var data = new TheoryData<PerturbationNorm, RandomStart>();
            foreach (var norm in Enum.GetValues<PerturbationNorm>())
                foreach (var kind in Enum.GetValues<RandomStart>()) data.Add(norm, kind);
            return data;
        }
    }

    [Theory]
    [MemberData(nameof(All))]
    public void SampleStart_AnyKind_StaysInTheBallAndClampsAsNamed(PerturbationNorm norm, RandomStart kind)
    {
        using var scope = NewDisposeScope();
        var images = TinyModels.Images(64, low: -0.5, high: 1.5).clamp(0, 1);
        var threat = Balls.Of(norm, Epsilon);
        var start = threat.SampleStart(images, kind, seed: 3);
        start.dtype.Should().Be(images.dtype);
        if (kind is RandomStart.UniformUnclamped or RandomStart.GaussianUnclamped)
        {
            start.min().ToDouble().Should().BeNegative();
            start.max().ToDouble().Should().BeGreaterThan(1);
            if (kind == RandomStart.UniformUnclamped)
                threat.Distance(images, start).max().ToDouble().Should().BeLessThanOrEqualTo(Epsilon + 1e-6);
        }
        else
        {
            TensorAssert.AllTrue(threat.Contains(images, start));
            if (kind == RandomStart.None) TensorAssert.Same(start, images);
            else TensorAssert.Different(start, images);
        }
        start.Handle.Should().NotBe(images.Handle);
    }

    [Theory]
    [MemberData(nameof(All))]
    public void SampleStart_SameSeed_SameWhateverTheBatch(PerturbationNorm norm, RandomStart kind)
    {
        using var scope = NewDisposeScope();
        var images = TinyModels.Images(6, ScalarType.Float64);
        var threat = Balls.Of(norm, Epsilon);
        var all = threat.SampleStart(images, kind, 7);
        TensorAssert.Same(threat.SampleStart(images, kind, 7), all);
        var some = tensor([4L, 1L]);
        TensorAssert.Same(threat.SampleStart(images[some], kind, 7, [4, 1]), all[some]);
        if (kind == RandomStart.None) return;
        TensorAssert.Different(threat.SampleStart(images, kind, 8), all);
        TensorAssert.Different(threat.SampleStart(images[some], kind, 7), all[some]);
    }

    [Theory]
    [InlineData(PerturbationNorm.Linf)]
    [InlineData(PerturbationNorm.L2)]
    [InlineData(PerturbationNorm.L1)]
    public void SampleStart_Uniform_FillsTheBallEvenly(PerturbationNorm norm)
    {
        using var scope = NewDisposeScope();
        // Uniform in a d-dimensional ball of radius eps: (r/eps)^d is uniform in [0,1], whatever the norm.
        var (radii, delta) = Radii(norm, RandomStart.Uniform, dimensions: 3);
        Uniformity([.. radii.Select(r => Math.Pow(r / Epsilon, 3))]);
        delta.mean().ToDouble().Should().BeApproximately(0, 0.005);
    }

    [Theory]
    [InlineData(PerturbationNorm.Linf)]
    [InlineData(PerturbationNorm.L2)]
    [InlineData(PerturbationNorm.L1)]
    public void SampleStart_RandomRadius_HasUniformLength(PerturbationNorm norm)
    {
        using var scope = NewDisposeScope();
        var (radii, delta) = Radii(norm, RandomStart.RandomRadius, dimensions: 3);
        Uniformity([.. radii.Select(r => r / Epsilon)]);
        delta.mean().ToDouble().Should().BeApproximately(0, 0.005);
    }

    [Fact]
    public void SampleStart_Gaussian_HasDeviationOfOneThousandth()
    {
        using var scope = NewDisposeScope();
        var images = full([2000, 1, 1, 4], 0.5, ScalarType.Float64);
        var delta = ThreatModel.Linf(Epsilon).SampleStart(images, RandomStart.Gaussian, 1) - images;
        delta.mean().ToDouble().Should().BeApproximately(0, 5e-5);
        delta.std().ToDouble().Should().BeApproximately(0.001, 3e-5);
    }

    [Fact]
    public void SampleStart_BadArguments_Throws()
    {
        using var scope = NewDisposeScope();
        var threat = ThreatModel.L2(1);
        var images = TinyModels.Images(3);
        var count = () => threat.SampleStart(images, RandomStart.Uniform, 0, [1, 2]);
        count.Should().Throw<ArgumentException>().WithMessage("*2 sample indices for 3 images*");
        var kind = () => threat.SampleStart(images, (RandomStart)99, 0);
        kind.Should().Throw<ArgumentOutOfRangeException>().WithParameterName("kind");
        var rank = () => threat.SampleStart(zeros(3), RandomStart.Uniform, 0);
        rank.Should().Throw<ArgumentException>().WithParameterName("inputs");
    }

    private static (double[] Radii, Tensor Delta) Radii(PerturbationNorm norm, RandomStart kind, int dimensions)
    {
        var images = full([4000, 1, 1, dimensions], 0.5, ScalarType.Float64);
        var start = Balls.Of(norm, Epsilon).SampleStart(images, kind, seed: 12);
        return (TensorAssert.Values(Balls.Of(norm, Epsilon).Distance(images, start)), start - images);
    }

    // Kolmogorov-Smirnov distance to U(0,1); 1.95/sqrt(n) is the 0.1 % point, and the seed is fixed.
    private static void Uniformity(double[] values)
    {
        Array.Sort(values);
        var n = values.Length;
        var distance = values.Select((value, i) => Math.Max((i + 1.0) / n - value, value - (double)i / n)).Max();
        distance.Should().BeLessThan(1.95 / Math.Sqrt(n));
    }
}

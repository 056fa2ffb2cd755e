using Ardir.Core;
using CsCheck;

namespace Ardir.Tests;

public sealed class ProjectionTests
{
    private const int Samples = 4;

    // Some references sit on the edges of the box and most candidates leave it, so that every branch of the projections is met.
    private static readonly Gen<(int Seed, int Size, double Epsilon, double Reach)> _cases =
        Gen.Select(Gen.Int[0, 1 << 20], Gen.Int[1, 40], Gen.Double[0.01, 0.9], Gen.Double[0.01, 2]);

    public static TheoryData<PerturbationNorm, ScalarType> NormsAndTypes
    {
        get
        {
            var data = new TheoryData<PerturbationNorm, ScalarType>();
            foreach (var norm in Enum.GetValues<PerturbationNorm>())
                foreach (var dtype in new[] { ScalarType.Float32, ScalarType.Float64, ScalarType.BFloat16, ScalarType.Float16 }) data.Add(norm, dtype);
            return data;
        }
    }

    [Theory]
    [MemberData(nameof(NormsAndTypes))]
    public void Project_AnyPoint_IsInside(PerturbationNorm norm, ScalarType dtype) => _cases.Sample(c =>
    {
        using var scope = NewDisposeScope();
        var (threat, x, y) = Make(norm, dtype, c);
        var p = threat.Project(x, y);
        p.dtype.Should().Be(dtype);
        TensorAssert.AllTrue(threat.Contains(x, p));
    }, iter: 60, threads: 1);

    [Theory]
    [MemberData(nameof(NormsAndTypes))]
    public void Project_Twice_ChangesNoBit(PerturbationNorm norm, ScalarType dtype) => _cases.Sample(c =>
    {
        using var scope = NewDisposeScope();
        var (threat, x, y) = Make(norm, dtype, c);
        var once = threat.Project(x, y);
        TensorAssert.Same(threat.Project(x, once), once);
    }, iter: 60, threads: 1);

    [Theory]
    [MemberData(nameof(NormsAndTypes))]
    public void Project_PointInside_ChangesNoBit(PerturbationNorm norm, ScalarType dtype) => _cases.Sample(c =>
    {
        using var scope = NewDisposeScope();
        var (threat, x, _) = Make(norm, dtype, c);
        // Halfway to the nearest corner of an inscribed cube, so rounding cannot push it out.
        var d = x.numel() / Samples;
        var side = norm switch { PerturbationNorm.Linf => 1, PerturbationNorm.L2 => 1 / Math.Sqrt(d), _ => 1.0 / d };
        var noise = TinyModels.Random(x.shape, c.Seed + 2, ScalarType.Float64, -0.5, 0.5) * (c.Epsilon * side);
        var y = (x.to(ScalarType.Float64) + noise).clamp(0, 1).to(dtype);
        var inside = threat.Contains(x, y).data<bool>().ToArray();
        var p = threat.Project(x, y);
        for (var i = 0; i < Samples; i++)
            if (inside[i]) TensorAssert.Same(p[i], y[i]);
    }, iter: 60, threads: 1);

    [Theory]
    [InlineData(PerturbationNorm.Linf)]
    [InlineData(PerturbationNorm.L2)]
    [InlineData(PerturbationNorm.L1)]
    public void Project_Float64_EqualsBisection(PerturbationNorm norm) => _cases.Sample(c =>
    {
        using var scope = NewDisposeScope();
        var (threat, x, y) = Make(norm, ScalarType.Float64, c);
        var p = threat.Project(x, y);
        for (var i = 0; i < Samples; i++)
            TensorAssert.Close(p[i].flatten(), Balls.Project(norm, TensorAssert.Values(x[i]), TensorAssert.Values(y[i]), c.Epsilon), 1e-9);
    }, iter: 80, threads: 1);

    [Theory]
    [InlineData(PerturbationNorm.Linf)]
    [InlineData(PerturbationNorm.L2)]
    [InlineData(PerturbationNorm.L1)]
    public void Project_Float64_NoFeasiblePointIsNearer(PerturbationNorm norm) => _cases.Sample(c =>
    {
        using var scope = NewDisposeScope();
        var (threat, x, y) = Make(norm, ScalarType.Float64, c);
        var (a, b, p) = (TensorAssert.Values(x), TensorAssert.Values(y), TensorAssert.Values(threat.Project(x, y)));
        var random = new Random(c.Seed);
        var d = a.Length / Samples;
        for (var trial = 0; trial < 200; trial++)
        {
            var at = random.Next(Samples) * d;
            var q = RandomFeasible(norm, random, a[at..(at + d)], p[at..(at + d)], c.Epsilon);
            var (there, here) = (Square(q, b.AsSpan(at, d)), Square(p.AsSpan(at, d), b.AsSpan(at, d)));
            there.Should().BeGreaterThanOrEqualTo(here - 1e-12);
        }
    }, iter: 20, threads: 1);

    [Fact]
    public void Project_L1InFloat32_IsTheFloat64ProjectionRoundedInward() => Gen.Select(Gen.Int[0, 1 << 20], Gen.Int[1, 900], Gen.Double[0.01, 30], Gen.Double[0.001, 2], Gen.Double[0.02, 1]).Sample(c =>
    {
        using var scope = NewDisposeScope();
        var (seed, size, epsilon, reach, share) = c;
        var x = TinyModels.Random([Samples, 1, 1, size], seed, ScalarType.Float64, -0.2, 1.2).clamp(0, 1).to(ScalarType.Float32);
        var kept = TinyModels.Random(x.shape, seed + 2, ScalarType.Float64, 0, 1) < share;
        var y = (x.to(ScalarType.Float64) + kept * TinyModels.Random(x.shape, seed + 1, ScalarType.Float64, -reach, reach)).to(ScalarType.Float32);
        var threat = ThreatModel.L1(epsilon);
        var (wide, far) = (x.to(ScalarType.Float64), y.to(ScalarType.Float64));
        var exact = threat.Project(wide, far);
        var rounded = threat.Project(x, y).to(ScalarType.Float64);
        TensorAssert.Close(rounded, exact, 6e-8);
        TensorAssert.AllTrue(((rounded - wide).abs() <= (exact - wide).abs() + 1e-12).flatten(1).all(1));
    }, iter: 200, threads: 1);

    [Fact]
    public void Project_L1_EqualsReferenceImplementation()
    {
        using var scope = NewDisposeScope();
        var golden = GoldenFile.Load("projections");
        Tensor Image(string path) => golden.Tensor(path).reshape(8, 1, 5, 6);
        var x = Image("l1_box/x");
        var y = x + Image("l1_box/y");
        var expected = y + Image("l1_box/delta");
        TensorAssert.Close(ThreatModel.L1(golden.Number("l1_box/eps")).Project(x, y), expected, 2e-5);
    }

    [Fact]
    public void Project_NearlyAllSaturated_StillExact()
    {
        using var scope = NewDisposeScope();
        // 31 of 32 coordinates hit the box at once; the last one takes what the ball leaves.
        var room = new double[32];
        for (var i = 0; i < 32; i++) room[i] = 1 - 0.01 * (i % 5 + 1);
        var y = new double[32];
        for (var i = 0; i < 32; i++) y[i] = i == 31 ? room[i] + 0.6 : 1 + 10 * (i + 1);
        foreach (var norm in new[] { PerturbationNorm.L2, PerturbationNorm.L1 })
        {
            var epsilon = norm == PerturbationNorm.L2 ? 0.3 : 1.2;
            var p = Balls.Of(norm, epsilon).Project(tensor(room, [1, 1, 4, 8]), tensor(y, [1, 1, 4, 8]));
            TensorAssert.Close(p.flatten(), Balls.Project(norm, room, y, epsilon), 1e-9);
        }
    }

    [Theory]
    [MemberData(nameof(NormsAndTypes))]
    public void Project_ImagesOfRealSize_AreInsideForSmallAndLargeRadii(PerturbationNorm norm, ScalarType dtype)
    {
        using var scope = NewDisposeScope();
        var x = TinyModels.Random([2, 3, 64, 64], 5, ScalarType.Float64, -0.1, 1.1).clamp(0, 1).to(dtype);
        foreach (var epsilon in new[] { 1e-3, 8 / 255.0, 0.5, 1 })
        {
            foreach (var reach in new[] { 0.01, 3.0 })
            {
                var threat = Balls.Of(norm, epsilon);
                var p = threat.Project(x, (x.to(ScalarType.Float64) + TinyModels.Random(x.shape, 6, ScalarType.Float64, -reach, reach)).to(dtype));
                TensorAssert.AllTrue(threat.Contains(x, p));
                TensorAssert.Same(threat.Project(x, p), p);
            }
        }
    }

    [Fact]
    public void Project_UsedUnderGrad_GivesNoGradientAndLeaksNothing()
    {
        using var x = TinyModels.Images(3);
        using var y = x + 1;
        y.requires_grad_();
        foreach (var norm in Enum.GetValues<PerturbationNorm>())
        {
            LeakAssert.None(() =>
            {
                using var p = Balls.Of(norm, 0.1).Project(x, y);
                p.requires_grad.Should().BeFalse();
                using var inside = Balls.Of(norm, 0.1).Contains(x, p);
                using var distance = Balls.Of(norm, 0.1).Distance(x, p);
            });
        }
    }

    private static (ThreatModel Threat, Tensor X, Tensor Y) Make(
        PerturbationNorm norm, ScalarType dtype, (int Seed, int Size, double Epsilon, double Reach) c)
    {
        var x = TinyModels.Random([Samples, 1, 1, c.Size], c.Seed, ScalarType.Float64, -0.2, 1.2).clamp(0, 1).to(dtype);
        var y = (x.to(ScalarType.Float64) + TinyModels.Random(x.shape, c.Seed + 1, ScalarType.Float64, -c.Reach, c.Reach)).to(dtype);
        return (Balls.Of(norm, c.Epsilon), x, y);
    }

    // Half of the trials search near the projection itself, where a wrong answer would show first.
    private static double[] RandomFeasible(PerturbationNorm norm, Random random, double[] x, double[] near, double epsilon)
    {
        var fine = random.Next(2) == 0;
        var delta = x.Select((a, i) => fine ? near[i] - a + 0.01 * (random.NextDouble() - 0.5) : 2 * random.NextDouble() - 1).ToArray();
        var scale = Math.Min(1, epsilon / Math.Max(Balls.Length(norm, delta), 1e-300));
        return [.. x.Select((a, i) => Math.Clamp(a + scale * delta[i], 0, 1))];
    }

    private static double Square(ReadOnlySpan<double> a, ReadOnlySpan<double> b)
    {
        var sum = 0.0;
        for (var i = 0; i < a.Length; i++) sum += (a[i] - b[i]) * (a[i] - b[i]);
        return sum;
    }
}

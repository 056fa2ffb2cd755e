using Ardir.Attacks;
using Ardir.Core;
using CsCheck;

namespace Ardir.Tests;

public sealed class HyperplaneTests
{
    private static readonly Gen<(int Seed, int Size, double Scale)> _cases = Gen.Select(Gen.Int[0, 1 << 20], Gen.Int[1, 60], Gen.Double[1e-6, 1e3]);

    [Theory]
    [InlineData(ScalarType.Float64, 27, 1e-13)]
    [InlineData(ScalarType.Float32, 12, 1e-6)]
    public void Solve_LimitsThatLieCloseTogether_PassesEachOfThem(ScalarType dtype, int bits, double tolerance)
    {
        using var scope = NewDisposeScope();
        // Coordinates stop at 1 - s * 0.8^i, the last one at 2. Every step passes only a few of them, and is short: one that took a short
        // step for the last would end a tenth of s too early.
        var spread = Math.Pow(2, -bits);
        double[] limits = [.. Enumerable.Range(0, 8).Select(i => 1 - spread * Math.Pow(0.8, i)), 2];
        var need = limits.Sum(limit => Math.Min(limit, 1));
        Tensor Of(double[] values, params long[] shape) => tensor(values, shape).to(dtype);
        var lambda = HyperplaneMove.Solve(ones([1, 9], dtype), Of(limits, 1, 1, 9), Of([need], 1, 1, 1));
        lambda.ToDouble().Should().BeApproximately(1, tolerance);
    }

    [Theory]
    [InlineData(PerturbationNorm.Linf, "linf")]
    [InlineData(PerturbationNorm.L2, "l2")]
    [InlineData(PerturbationNorm.L1, "l1")]
    public void Move_ReferenceValues_Equal(PerturbationNorm norm, string name)
    {
        using var scope = NewDisposeScope();
        var golden = GoldenFile.Load("projections");
        foreach (var dtype in new[] { ScalarType.Float32, ScalarType.Float64 })
        {
            var (points, w, b) = (golden.Tensor("points").to(dtype), golden.Tensor("w").to(dtype), golden.Tensor("b").to(dtype));
            var excess = (points * w).sum(1, true) - b.unsqueeze(1);
            var moves = Hyperplane.Move(norm, points.unsqueeze(0), w, excess.unsqueeze(0))[0];
            TensorAssert.Close(moves, golden.Tensor("hyperplane_box/" + name), 2e-5);
        }
    }

    [Theory]
    [InlineData(PerturbationNorm.Linf)]
    [InlineData(PerturbationNorm.L2)]
    [InlineData(PerturbationNorm.L1)]
    public void Move_Float64_EqualsBisection(PerturbationNorm norm) => _cases.Sample(c =>
    {
        using var scope = NewDisposeScope();
        var (points, w, excess) = Make(c, ScalarType.Float64);
        var moves = Hyperplane.Move(norm, points, w, excess);
        for (var i = 0; i < points.shape[0]; i++)
        {
            for (var j = 0; j < w.shape[0]; j++)
            {
                var expected = Bisect(norm, TensorAssert.Values(points[i, j]), TensorAssert.Values(w[j]), excess[i, j].ToDouble());
                TensorAssert.Close(moves[i, j], expected, 1e-9);
            }
        }
    }, iter: 100, threads: 1);

    [Theory]
    [InlineData(PerturbationNorm.Linf)]
    [InlineData(PerturbationNorm.L2)]
    [InlineData(PerturbationNorm.L1)]
    public void Move_Float32_LandsOnThePlaneOrInTheCorner(PerturbationNorm norm) => _cases.Sample(c =>
    {
        using var scope = NewDisposeScope();
        var (points, w, excess) = Make((c.Seed, 40 * c.Size, c.Scale), ScalarType.Float32);
        var moved = points + Hyperplane.Move(norm, points, w, excess);
        moved.min().ToDouble().Should().BeGreaterThanOrEqualTo(-1e-6);
        moved.max().ToDouble().Should().BeLessThanOrEqualTo(1 + 1e-6);
        var doubles = moved - points;
        var left = excess + (doubles.to(ScalarType.Float64) * w.to(ScalarType.Float64)).sum(-1, true);
        var direction = w.sign() * -excess.sign();
        var reach = (where(direction > 0, 1 - points, points) * w.abs()).sum(-1, true);
        var wanted = (excess.abs() - reach).clamp_min(0);
        TensorAssert.Close((left.abs() - wanted) / (w.abs().sum(-1, true) + 1e-30), new double[left.numel()], 2e-6);
    }, iter: 60, threads: 1);

    [Theory]
    [InlineData(PerturbationNorm.Linf)]
    [InlineData(PerturbationNorm.L2)]
    [InlineData(PerturbationNorm.L1)]
    public void Move_DegenerateInputs_StayFinite(PerturbationNorm norm)
    {
        using var scope = NewDisposeScope();
        foreach (var dtype in new[] { ScalarType.Float32, ScalarType.Float64 })
        {
            var points = tensor(new[] { 0, 1, 0.5, 0.25 }, [1, 1, 4], dtype);
            Tensor Move(double[] w, double excess) => Hyperplane.Move(norm, points, tensor(w, [1, 4], dtype), full([1, 1, 1], excess, dtype)).flatten();
            TensorAssert.Close(Move([0, 0, 0, 0], 1), [0, 0, 0, 0], 0);                          // no normal: nowhere to go
            TensorAssert.Close(Move([1, -1, 2, 3], 0), [0, 0, 0, 0], 0);                         // on the plane already
            TensorAssert.Close(Move([1, -1, 0, 0], 1), [0, 0, 0, 0], 0);                         // in the corner already
            TensorAssert.Close(Move([1, 1, 1, 1], -100), [1, 0, 0.5, 0.75], 1e-7);               // out of reach: the corner
            TensorAssert.Close(Move([0, 0, 1e-12, 0], 5e-13), [0, 0, -0.5, 0], 1e-6);            // a tiny gradient is a gradient
            TensorAssert.Close(Move([0, 0, 1e12, 0], -2.5e11), [0, 0, 0.25, 0], 1e-6);
        }
    }

    [Theory]
    [InlineData(PerturbationNorm.Linf)]
    [InlineData(PerturbationNorm.L2)]
    [InlineData(PerturbationNorm.L1)]
    public void DualNorm_BoundsTheProductAndIsReached(PerturbationNorm norm) => _cases.Sample(c =>
    {
        using var scope = NewDisposeScope();
        var ball = Balls.Of(norm, 0.1).Ball;
        var w = TinyModels.Random([3, c.Size], c.Seed, ScalarType.Float64, -1, 1);
        var v = TinyModels.Random([3, c.Size], c.Seed + 1, ScalarType.Float64, -1, 1);
        TensorAssert.AllTrue((w * v).sum(1).abs() <= ball.DualNorm(w) * ball.Norm(v) * (1 + 1e-12));
        // In a huge box the way to the plane has length |excess| / dual norm.
        var move = Hyperplane.Move(norm, full([1, 3, c.Size], 0.5, ScalarType.Float64), w, full([1, 3, 1], 1e-3, ScalarType.Float64) * w.abs().sum(1, true));
        TensorAssert.Close(ball.Norm(move[0]), 1e-3 * w.abs().sum(1) / ball.DualNorm(w), 1e-9);
    }, iter: 40, threads: 1);

    private static (Tensor Points, Tensor Normal, Tensor Excess) Make((int Seed, int Size, double Scale) c, ScalarType dtype)
    {
        var points = TinyModels.Random([2, 3, c.Size], c.Seed, ScalarType.Float64, -0.2, 1.2).clamp(0, 1).to(dtype);
        var w = TinyModels.Random([3, c.Size], c.Seed + 1, ScalarType.Float64, -1, 1);
        w = where(TinyModels.Random([3, c.Size], c.Seed + 3, ScalarType.Float64) < 0.1, zeros_like(w), w * c.Scale).to(dtype);
        // From almost nothing to out of reach.
        var reach = TinyModels.Random([2, 3, 1], c.Seed + 2, ScalarType.Float64, -0.8, 0.8).to(dtype) * w.abs().sum(1, true);
        return (points, w, reach);
    }

    /// <summary>By bisection over the size of the move, or greedily for L1: slow and obvious.</summary>
    private static double[] Bisect(PerturbationNorm norm, double[] v, double[] w, double excess)
    {
        var side = Math.Sign(excess);
        var need = Math.Abs(excess);
        double Way(int i) => -side * Math.Sign(w[i]);
        double Room(int i) => Way(i) > 0 ? 1 - v[i] : v[i];
        var moves = new double[v.Length];
        if (norm == PerturbationNorm.L1)
        {
            foreach (var i in Enumerable.Range(0, v.Length).Where(i => w[i] != 0).OrderByDescending(i => Math.Abs(w[i])))
            {
                var step = Math.Min(Room(i), need / Math.Abs(w[i]));
                moves[i] = Way(i) * step;
                need -= step * Math.Abs(w[i]);
            }
            return moves;
        }
        double Step(int i, double size) => w[i] == 0 ? 0 : Math.Min(Room(i), norm == PerturbationNorm.L2 ? size * Math.Abs(w[i]) : size);
        double Gain(double size) => Enumerable.Range(0, v.Length).Sum(i => Math.Abs(w[i]) * Step(i, size));
        var (low, high) = (0.0, 1e12);
        for (var round = 0; round < 300; round++)
        {
            var middle = round < 100 ? Math.Sqrt(Math.Max(low, 1e-18) * high) : (low + high) / 2;
            if (Gain(middle) < need) low = middle;
            else high = middle;
        }
        for (var i = 0; i < v.Length; i++) moves[i] = Way(i) * Step(i, high);
        return moves;
    }
}

using Ardir.Attacks;
using Ardir.Core;

namespace Ardir.Tests;

/// <summary>Moves onto hyperplanes for gradients of any scale, and what they leave in the scope of the caller.</summary>
public sealed class HyperplaneBorderTests
{
    [Theory]
    [InlineData(PerturbationNorm.Linf)]
    [InlineData(PerturbationNorm.L2)]
    [InlineData(PerturbationNorm.L1)]
    public void ToHyperplane_GradientsOfAnyScale_MoveAsFar(PerturbationNorm norm)
    {
        using var scope = NewDisposeScope();
        foreach (var dtype in new[] { ScalarType.Float32, ScalarType.Float64 })
        {
            Tensor Move(double[] normal, double excess) =>
                Hyperplane.Move(norm, full([1, 1, 2], 0.5, dtype), tensor(normal, [1, 2], dtype), full([1, 1, 1], excess, dtype)).flatten();
            foreach (var scale in new[] { 1e-25, 1e-15, 1, 1e15 })
            {
                TensorAssert.Close(Move([scale, 0], 0.25 * scale), [-0.25, 0], 1e-6);
                TensorAssert.Close(Move([-scale, 0], 0.25 * scale), [0.25, 0], 1e-6);
            }
            // Out of reach: the corner, however little the second value counts.
            TensorAssert.Close(Move([1, 1e-20], -100), [0.5, 0.5], 1e-6);
            // Nowhere to go and nothing to do.
            TensorAssert.Close(Move([0, 0], 0), [0, 0], 0);
        }
    }

    [Fact]
    public void Room_PointOutsideTheBoxByRounding_IsNone()
    {
        using var scope = NewDisposeScope();
        var room = HyperplaneMove.Room(tensor(new[] { -1e-9, 1 + 1e-9, 0.75, 0.75, 0.75 }), tensor(new[] { -1.0, 1, 1, -1, 0 }));
        TensorAssert.Values(room).Should().Equal(0, 0, 0.25, 0.75, 0);
    }

    [Fact]
    public void Solve_GainsThatOnlyFloat64Holds_IsExact()
    {
        using var scope = NewDisposeScope();
        Tensor Of(double value, params long[] shape) => full(shape, value, ScalarType.Float64);
        var lambda = HyperplaneMove.Solve(Of(1e-200, 1, 2), Of(1, 1, 1, 2), Of(1e-200, 1, 1, 1));
        lambda.ToDouble().Should().BeApproximately(0.5, 1e-15);
    }

    [Fact]
    public void Solve_ManySteps_KeepsNoMoreThanALambdaOfEach()
    {
        using var outer = NewDisposeScope();
        // Every step passes only a few of these limits.
        double[] limits = [.. Enumerable.Range(0, 8).Select(i => 1 - Math.Pow(2, -27) * Math.Pow(0.8, i)), 2];
        var (gain, limit) = (ones([1, 9], ScalarType.Float64), tensor(limits, [1, 1, 9]));
        var need = full([1, 1, 1], limits.Sum(l => Math.Min(l, 1)), ScalarType.Float64);
        var before = outer.DisposablesCount;
        HyperplaneMove.Solve(gain, limit, need).ToDouble().Should().BeApproximately(1, 1e-13);
        (outer.DisposablesCount - before).Should().BeInRange(1, 9, "the tensors of a step go with it");
    }

    [Theory]
    [InlineData(PerturbationNorm.Linf)]
    [InlineData(PerturbationNorm.L2)]
    [InlineData(PerturbationNorm.L1)]
    public void ToHyperplane_MoreValuesThanAreSortedAtFirst_ClosesEveryScope(PerturbationNorm norm)
    {
        using var outer = NewDisposeScope();
        var (points, normal) = (full([1, 1, 200], 0.5, ScalarType.Float64), ones([1, 200], ScalarType.Float64));
        // Half of the values move to the edge: in L1 the first 32 of them do not suffice, nor do all 200 for the second plane.
        foreach (var excess in new[] { 50.0, 200.0 })
        {
            var move = Hyperplane.Move(norm, points, normal, full([1, 1, 1], excess, ScalarType.Float64));
            move.sum().ToDouble().Should().BeApproximately(-Math.Min(excess, 100), 1e-9);
            outer.Contains(move).Should().BeTrue();
            outer.Contains(ones(1)).Should().BeTrue("what is made next belongs to the scope of the caller");
        }
    }
}

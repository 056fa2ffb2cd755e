using Ardir.Core;

namespace Ardir.Tests;

/// <summary>Projections onto the L1 ball whose pieces can be written down by hand.</summary>
public sealed class L1ProjectionTests
{
    // The first value wants to move by 3 where the box leaves 0.5, so it stays at the edge until lambda is 2.5; the second moves by 0.25,
    // and nothing at all from lambda = 0.25 on.
    [Theory]
    [InlineData(0.5, new[] { 1.0, 0.5 })]       // exactly the plateau between 0.25 and 2.5, where nothing falls
    [InlineData(0.625, new[] { 1.0, 0.625 })]   // the second one is falling
    [InlineData(0.25, new[] { 0.75, 0.5 })]     // the first one is, on the last piece
    [InlineData(0.75, new[] { 1.0, 0.75 })]     // the radius is just reached
    public void Project_OneValueAtTheEdge_IsTheValueByHand(double epsilon, double[] expected)
    {
        using var scope = NewDisposeScope();
        foreach (var dtype in new[] { ScalarType.Float64, ScalarType.Float32 })
        {
            var x = full([1, 1, 1, 2], 0.5, dtype);
            var y = tensor(new[] { 3.5, 0.75 }, [1, 1, 1, 2], dtype);
            TensorAssert.Close(ThreatModel.L1(epsilon).Project(x, y), expected, 1e-12);
        }
    }

    [Fact]
    public void Project_OneOfThousandsOfValuesIsLeft_KeepsTheLastBitsOfTheRadius()
    {
        using var scope = NewDisposeScope();
        // The running sums over all the values end a few digits short; the last step must give them back in full.
        var x = zeros([32, 1, 64, 64], ScalarType.Float64);
        var y = TinyModels.Random([32, 1, 64, 64], 7, ScalarType.Float64);
        var projected = ThreatModel.L1(1e-6).Project(x, y).flatten(1);
        var lengths = TensorAssert.Values(projected.sum(1));
        lengths.Should().OnlyContain(length => Math.Abs(length - 1e-6) < 3e-16);
        TensorAssert.Longs(projected.count_nonzero(new long[] { 1 })).Should().Contain(1);
    }

    [Fact]
    public void Project_LengthExactlyAtTheReach_ChangesNoBit()
    {
        using var scope = NewDisposeScope();
        var epsilon = (0.25 - 1e-12) / (1 + 1e-12);
        while (NormBall.Reach(epsilon) < 0.25) epsilon = Math.BitIncrement(epsilon);
        while (NormBall.Reach(epsilon) > 0.25) epsilon = Math.BitDecrement(epsilon);
        NormBall.Reach(epsilon).Should().Be(0.25);
        foreach (var dtype in new[] { ScalarType.Float32, ScalarType.Float64 })
        {
            var (x, y) = (full([1, 1, 1, 2], 0.5, dtype), tensor(new[] { 0.75, 0.5 }, [1, 1, 1, 2], dtype));
            TensorAssert.Same(ThreatModel.L1(epsilon).Project(x, y), y);
        }
    }

    [Fact]
    public void Project_FewOfManyValuesMove_LeavesTheOthersAlone()
    {
        using var scope = NewDisposeScope();
        // In float64 only the values that move are sorted: of eight, at most three in a sample.
        var x = TinyModels.Random([2, 1, 2, 4], 3, ScalarType.Float64);
        var y = x.clone();
        y.flatten(1).index_put_(tensor(new[] { 2.0, -1.0, 0.5 }), tensor(new long[] { 0, 0, 1 }), tensor(new long[] { 1, 6, 3 }));
        var projected = ThreatModel.L1(0.3).Project(x, y);
        for (var i = 0; i < 2; i++)
        {
            var expected = Balls.Project(PerturbationNorm.L1, TensorAssert.Values(x[i]), TensorAssert.Values(y[i]), 0.3);
            TensorAssert.Close(projected[i].flatten(), expected, 1e-12);
        }
        TensorAssert.Same(ThreatModel.L1(0.3).Project(x, x), x);
    }

    [Fact]
    public void Project_ValueThatTurnsItsSign_IsOneThatMoves()
    {
        using var scope = NewDisposeScope();
        // The first goes from 0.5 to -0.5, where the box leaves it 0.5; the second from 0 to 0.8. At lambda = 0.75 they move by 0.25
        // and 0.05.
        foreach (var dtype in new[] { ScalarType.Float64, ScalarType.Float32 })
        {
            var x = tensor(new[] { 0.5, 0, 0, 0, 0, 0, 0, 0 }, [1, 1, 2, 4], dtype);
            var y = tensor(new[] { -0.5, 0.8, 0, 0, 0, 0, 0, 0 }, [1, 1, 2, 4], dtype);
            TensorAssert.Close(ThreatModel.L1(0.3).Project(x, y), [0.25, 0.05, 0, 0, 0, 0, 0, 0], 1e-7);
        }
    }

    [Fact]
    public void Project_NewtonStepsThatGoRoundInCircles_StillEndAtTheRadius()
    {
        using var scope = NewDisposeScope();
        // The first value falls by lambda; the four others have 0.1 of room and fall from lambda = 0.2 to 0.3. From lambda = 0 a step
        // leads to 0.4, and from there back to 0. At the radius, lambda = 0.24, they have moved by 0.76 and 0.06.
        foreach (var dtype in new[] { ScalarType.Float64, ScalarType.Float32 })
        {
            var x = tensor(new[] { 0, 0.9, 0.9, 0.9, 0.9 }, [1, 1, 1, 5], dtype);
            var y = tensor(new[] { 1, 1.2, 1.2, 1.2, 1.2 }, [1, 1, 1, 5], dtype);
            TensorAssert.Close(ThreatModel.L1(1).Project(x, y), [0.76, 0.96, 0.96, 0.96, 0.96], 2e-7);
        }
    }

    [Fact]
    public void Project_TinyRadius_IsKeptAsExactlyAsALargeOne()
    {
        using var scope = NewDisposeScope();
        // Together 5 % too far: each goes back by half of that.
        foreach (var dtype in new[] { ScalarType.Float64, ScalarType.Float32 })
        {
            var y = tensor(new[] { 0.6e-6, 0.45e-6 }, [1, 1, 1, 2], dtype);
            TensorAssert.Close(ThreatModel.L1(1e-6).Project(zeros_like(y), y), [0.575e-6, 0.425e-6], 2e-12);
        }
    }
}

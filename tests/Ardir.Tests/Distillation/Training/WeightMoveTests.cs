using Ardir.Distillation;

namespace Ardir.Tests;

/// <summary>Which parameters adversarial weight perturbation moves, how far, and back.</summary>
public sealed class WeightMoveTests
{
    private const double Gamma = 0.25;

    // Weights of length 5 and gradients of length 2: a move of 0.25 * 5 / 2 times the gradient.
    private static readonly double[] _weight = [3, 4, 0, 0];
    private static readonly double[] _gradient = [0, 0, 2, 0];
    private static readonly double[] _moved = [3, 4, 1.25, 0];

    [Theory]
    [InlineData("fc.weight", new long[] { 2, 2 }, true)]
    [InlineData("conv.weight", new long[] { 1, 1, 2, 2 }, true)]
    [InlineData("fc.inner_weights", new long[] { 4, 1 }, true)]
    [InlineData("bn.weight", new long[] { 4 }, false)]      // batch norm's is a vector
    [InlineData("fc.bias", new long[] { 4 }, false)]
    [InlineData("scale", new long[] { 2, 2 }, false)]       // no weight by its name
    public void Move_Parameter_IsMovedIfItIsAWeightOfTwoDimensions(string name, long[] shape, bool moves)
    {
        using var scope = NewDisposeScope();
        var parameter = Parameter(shape);
        using (var move = new WeightMove([(name, parameter)], Gamma))
        {
            TensorAssert.Close(parameter, moves ? _moved : _weight, 1e-14);
            // What the optimiser does meanwhile stays when the move is taken back.
            using (no_grad()) parameter.sub_(0.5);
            move.TakeBack();
            TensorAssert.Close(parameter, [.. _weight.Select(value => value - 0.5)], 1e-14);
        }
        TensorAssert.Close(parameter, [.. _weight.Select(value => value - 0.5)], 1e-14);
    }

    [Fact]
    public void Dispose_WithoutAStep_PutsTheWeightsBackExactly()
    {
        using var scope = NewDisposeScope();
        var (weight, other) = (Parameter([2, 2]), Parameter([2, 2]));
        using (no_grad()) weight.mul_(1 / 3.0);
        var before = weight.detach().clone();
        new WeightMove([("a.weight", weight), ("b.bias", other)], Gamma).Dispose();
        TensorAssert.Same(weight.detach(), before);
        TensorAssert.Close(other, _weight, 0);
    }

    [Fact]
    public void Move_WeightWithoutGradientOrWithAZeroOne_StaysWhereItIs()
    {
        using var scope = NewDisposeScope();
        var (none, zero) = (nn.Parameter(tensor(_weight, [2, 2])), Parameter([2, 2]));
        zero.grad!.zero_();
        using var move = new WeightMove([("none.weight", none), ("zero.weight", zero)], Gamma);
        TensorAssert.Close(none, _weight, 0);
        TensorAssert.Close(zero, _weight, 0);
    }

    [Fact]
    public void Move_Several_EachByItsOwnLengths()
    {
        using var scope = NewDisposeScope();
        var (one, two) = (Parameter([2, 2]), Parameter([2, 2]));
        using (no_grad()) two.mul_(2);
        using var move = new WeightMove([("one.weight", one), ("two.weight", two)], Gamma);
        TensorAssert.Close(one, _moved, 1e-14);
        TensorAssert.Close(two, [.. _moved.Select(value => 2 * value)], 1e-14);
    }

    private static TorchSharp.Modules.Parameter Parameter(long[] shape)
    {
        var parameter = nn.Parameter(tensor(_weight, shape));
        parameter.grad = tensor(_gradient, shape);
        return parameter;
    }
}

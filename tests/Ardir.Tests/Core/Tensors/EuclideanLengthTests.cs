using Ardir.Core;

namespace Ardir.Tests;

/// <summary>Closed forms of the length, in every dtype, and its gradient.</summary>
public sealed class EuclideanLengthTests
{
    [Theory]
    [InlineData(ScalarType.Float64, 1e100, 5e100)]
    [InlineData(ScalarType.Float32, 1e4, 5e4)]
    [InlineData(ScalarType.Float16, 1e4, 5e4)]
    public void Of_3And4_Is5_WithoutOverflowInHalfPrecision(ScalarType dtype, double unit, double expected)
    {
        using var scope = NewDisposeScope();
        var values = tensor(new double[,] { { 3, 4 }, { 0, 0 } }).mul(unit).to(dtype);
        var lengths = EuclideanLength.Of(values);
        lengths.dtype.Should().Be(dtype);
        lengths.to(ScalarType.Float64).data<double>().ToArray()[0].Should().BeApproximately(expected, expected * 1e-3);
        lengths[1].to(ScalarType.Float64).item<double>().Should().Be(0);
        EuclideanLength.Of(values, dimension: -1, keepDimension: true).shape.Should().Equal(2, 1);
    }

    [Fact]
    public void Of_Gradient_IsTheUnitVector_AndZeroAtZero()
    {
        using var scope = NewDisposeScope();
        var values = tensor(new double[,] { { 3, 4 }, { 0, 0 } }).requires_grad_();
        EuclideanLength.Of(values).sum().backward(inputs: [values]);
        TensorAssert.Close(values.grad!, [0.6, 0.8, 0, 0], 1e-15);
    }
}

using Ardir.Core;

namespace Ardir.Tests;

public sealed class PredictionsTests
{
    [Fact]
    public void Of_TiesAndNaN_TakesTheLowestIndexAndNoClass()
    {
        using var scope = NewDisposeScope();
        var logits = tensor(new[] { 1.0, 3, 3, 0, 0, 0, -1, -5, -2, 1, double.NaN, 9, double.NegativeInfinity, 2, double.PositiveInfinity }, [5, 3]);
        TensorAssert.Longs(Predictions.Of(logits)).Should().Equal(1, 0, 0, 3, 2);
    }

    [Fact]
    public void Of_ManyTimes_LeavesNoTensorBehind()
    {
        using var logits = TinyModels.Random([4, 3], 1);
        LeakAssert.None(() => Predictions.Of(logits).Dispose());
    }
}

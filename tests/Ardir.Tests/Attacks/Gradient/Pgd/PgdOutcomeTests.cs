using Ardir.Attacks;

namespace Ardir.Tests;

public sealed class PgdOutcomeTests
{
    [Fact]
    public void Replace_SuccessOrHigherLoss_TakesOverThoseRowsOnly()
    {
        using var scope = NewDisposeScope();
        var best = new PgdOutcome(zeros(5, 1, 1, 1), tensor(new[] { 5f, 5, 5, 5, 5 }), zeros([5], ScalarType.Bool));
        // Rows 4, 1 and 2: a success whose loss is lower (CE need not agree with the argmax), a higher loss, a lower loss.
        var later = new PgdOutcome(tensor(new[] { 1f, 2, 3 }, [3, 1, 1, 1]), tensor(new[] { 4f, 6, 4 }), tensor(new[] { true, false, false }));
        best.Replace(tensor([4L, 1L, 2L]), later);
        TensorAssert.Close(best.Points.flatten(), [0, 2, 0, 0, 1], 0);
        TensorAssert.Close(best.Loss, [5, 6, 5, 5, 4], 0);
        best.Broken.data<bool>().ToArray().Should().Equal(false, false, false, false, true);
    }
}

using Ardir.Attacks;

namespace Ardir.Tests;

public sealed class CheckpointScheduleTests
{
    [Theory]
    [InlineData(100, new[] { 22, 41, 57, 70, 80, 87, 93, 99 })]
    [InlineData(50, new[] { 11, 21, 30, 38, 45 })]
    [InlineData(20, new[] { 4, 7, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20 })]
    [InlineData(1, new[] { 1 })]
    public void Advance_AllIterations_StopsWhereTheAuthorsCodeDoes(int iterations, int[] expected)
    {
        var schedule = new CheckpointSchedule(iterations);
        var (found, last) = (new List<int>(), 0);
        for (var i = 1; i <= iterations; i++)
        {
            var window = schedule.Advance();
            if (window == 0) continue;
            window.Should().Be(i - last);
            found.Add(last = i);
        }
        found.Should().Equal(expected);
    }

    [Fact]
    public void End_AtCheckpoints_HalvesOnFewRisesOrNoProgress()
    {
        using var scope = NewDisposeScope();
        // 20 iterations: the first check after 4. Losses of: always rising; 3 rises of 4 (0.75 counts as too few); falling after a first rise over zero.
        using var sizes = new StepSizeController(zeros(3, 1, 1, 1), tensor([0.5, 0.5, 0.5]), 1, 20, 0.75);
        var losses = new[] { new[] { 1.0, 2, 3, 4 }, [1.0, 0.9, 3, 4], [1.0, 0.9, 0.8, 0.7] };
        for (var i = 0; i < 3; i++) sizes.End(At(i), tensor([9.0, 9, 9])).Should().BeNull();
        sizes.End(At(3), tensor([4.0, 4, 1]))!.data<bool>().ToArray().Should().Equal(false, true, true);
        TensorAssert.Values(sizes.Size).Should().Equal(1, 0.5, 0.5);
        // No better best since a check that left the step alone halves it, however much the loss rises in between.
        for (var i = 1; i <= 2; i++) sizes.End(tensor([4.0 + i, 4 + i, i]), tensor([4.0, 9, 9])).Should().BeNull();
        sizes.End(tensor([8.0, 8, 8]), tensor([4.0, 9, 9]))!.data<bool>().ToArray().Should().Equal(true, false, false);

        Tensor At(int i) => tensor([.. losses.Select(row => row[i])]);
    }
}

using Ardir.Attacks;

namespace Ardir.Tests;

/// <summary>When APGD halves its step, at the edges of both conditions. Twenty iterations: the first check after four, the next after three.</summary>
public sealed class StepSizeControllerTests
{
    private const int Iterations = 20;

    [Theory]
    [InlineData(0.5, new[] { 0.3, 0.4, 0.45, 0.6 }, false)]   // 0.3 is above zero, though below the loss of the start
    [InlineData(-0.5, new[] { -0.3, -0.2, -0.1, 0.6 }, true)]   // -0.3 is below zero, though above the loss of the start
    [InlineData(0.5, new[] { 0.0, 0.1, 0.2, 0.3 }, true)]   // exactly zero is no rise
    public void End_FirstIteration_IsComparedWithALossOfZero(double start, double[] losses, bool halved)
    {
        using var scope = NewDisposeScope();
        using var sizes = new StepSizeController(zeros(1, 1, 1, 1), tensor(new[] { start }), 1, Iterations, 0.75);
        Run(sizes, losses, best: 9).Should().Be(halved);
        TensorAssert.Values(sizes.Size).Should().Equal(halved ? 0.5 : 1);
    }

    [Fact]
    public void End_BestStillThatOfTheStart_IsForgivenAtTheFirstCheckOnly()
    {
        using var scope = NewDisposeScope();
        // The loss rises all the time, but never above the 9 of the start.
        using var sizes = new StepSizeController(zeros(1, 1, 1, 1), tensor(new[] { 9.0 }), 1, Iterations, 0.75);
        Run(sizes, [1, 2, 3, 4], best: 9).Should().BeFalse("a run counts as just reduced when it begins");
        Run(sizes, [5, 6, 7], best: 9).Should().BeTrue("nothing better since a check that left the step alone");
        Run(sizes, [7.5, 8], best: 9).Should().BeFalse("the step was halved at the check before");
        Run(sizes, [8.5], best: 9).Should().BeTrue();
        TensorAssert.Values(sizes.Size).Should().Equal(0.25);
    }

    [Fact]
    public void End_BestImproved_IsComparedWithThatOfTheCheckBefore()
    {
        using var scope = NewDisposeScope();
        using var sizes = new StepSizeController(zeros(1, 1, 1, 1), tensor(new[] { 0.5 }), 1, Iterations, 0.75);
        Run(sizes, [1, 2, 3, 4], best: 4).Should().BeFalse();
        Run(sizes, [5, 6, 7], best: 7).Should().BeFalse();
        Run(sizes, [7.5, 8], best: 7).Should().BeTrue("7 was known at the last check, although it is more than at the one before");
    }

    [Theory]
    [InlineData(0.75, new[] { 1.0, 2, 3, 2.5 }, true)]   // three rises of four are exactly the share, which is too few
    [InlineData(0.74, new[] { 1.0, 2, 3, 2.5 }, false)]
    [InlineData(0.5, new[] { 1.0, 2, 1.5, 1.2 }, true)]
    [InlineData(0.75, new[] { 1.0, 1, 2, 3 }, true)]   // an equal loss is no rise
    public void End_ShareOfRises_MustBeAboveRho(double rho, double[] losses, bool halved)
    {
        using var scope = NewDisposeScope();
        using var sizes = new StepSizeController(zeros(1, 1, 1, 1), tensor(new[] { 0.5 }), 1, Iterations, rho);
        Run(sizes, losses, best: losses.Max()).Should().Be(halved);
    }

    [Fact]
    public void Narrow_SomeOfTheSamples_TakesTheirWholeStateAlong()
    {
        using var scope = NewDisposeScope();
        using var sizes = new StepSizeController(zeros(3, 1, 1, 1), tensor(new[] { 0.5, 0.5, 9 }), 1, Iterations, 0.75);
        for (var i = 1; i <= 3; i++) sizes.End(tensor([i, -i, (double)i]), tensor([i, 0.5, 9])).Should().BeNull();
        sizes.Narrow(tensor([2L, 1L]));
        sizes.End(tensor([4.0, -4]), tensor([9.0, 0.5]))!.data<bool>().ToArray().Should().Equal(false, true);
        TensorAssert.Values(sizes.Size).Should().Equal(1, 0.5);
    }

    // To the next check: whether it halved.
    private static bool Run(StepSizeController sizes, double[] losses, double best)
    {
        for (var i = 0; i < losses.Length - 1; i++) sizes.End(tensor([losses[i]]), tensor([best])).Should().BeNull();
        return sizes.End(tensor([losses[^1]]), tensor([best]))!.ToBoolean();
    }
}

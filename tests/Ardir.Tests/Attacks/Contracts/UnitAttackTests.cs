using Ardir.Attacks;
using Ardir.Core;

namespace Ardir.Tests;

/// <summary>What an ensemble asks the attacks that work in units: how many there are, what one costs, and that none leaves memory behind.</summary>
public sealed class UnitAttackTests
{
    private static readonly ThreatModel _threat = ThreatModel.Linf(0.1);

    // Forward and backward passes of one sample that resists.
    [Fact]
    public void UnitCost_AnyOptions_CountsThePassesOfASampleThatResists()
    {
        Cost(new ApgdAttack(_threat, new ApgdOptions { Search = new() { Iterations = 7 } })).Should().Be(2 * 8);
        Cost(new TargetedApgdAttack(_threat, new TargetedApgdOptions { Search = new() { Iterations = 7 } })).Should().Be(2 * 8);
        Cost(new FabAttack(_threat, new FabOptions { Iterations = 7 })).Should().Be(10 * 7, "one forward pass and a backward pass for each of nine wrong classes");
        Cost(new FabAttack(_threat, new FabOptions { Iterations = 7 }), classes: 3).Should().Be(3 * 7);
        Cost(new ApgdAttack(ThreatModel.L1(1), new ApgdOptions { Search = new() { Iterations = 10 } })).Should().Be(2 * (10 + 3), "each of the three stages evaluates its start");
        Cost(new TargetedFabAttack(_threat, new TargetedFabOptions { Search = new() { Iterations = 7 } })).Should().Be(2 * 7);
        Cost(new SquareAttack(_threat, new SquareOptions { Queries = 7 })).Should().Be(7 + 1);
    }

    [Theory]
    [InlineData(9, 2, 4, 6)]
    [InlineData(2, 3, 4, 6)]
    [InlineData(9, 1, 2, 1)]
    [InlineData(9, 1, 1000, 9)]
    public void UnitCount_OneTargetAfterTheOther_IsTargetsTimesRestarts(int targets, int restarts, int classes, int expected)
    {
        var options = new TargetedFabOptions { Search = new() { Restarts = restarts }, Classes = targets };
        ((UnitAttack)new TargetedFabAttack(_threat, options)).Units(classes).Should().Be(expected);
    }

    [Fact]
    public void UnitCount_NoTargets_IsTheNumberOfRestarts()
    {
        UnitAttack[] attacks =
        [
            new ApgdAttack(_threat, new ApgdOptions { Search = new() { Restarts = 3 } }), new FabAttack(_threat, new FabOptions { Restarts = 3 }),
            new SquareAttack(_threat, new SquareOptions { Restarts = 3 }),
        ];
        foreach (var attack in attacks) attack.Units(1000).Should().Be(3);
    }

    // Some of the samples leave early, the others stay to the end.
    [Theory]
    [InlineData(PerturbationNorm.Linf)]
    [InlineData(PerturbationNorm.L2)]
    [InlineData(PerturbationNorm.L1)]
    public void SearchUnit_SomeSamplesLeave_LeavesNoTensorBehind(PerturbationNorm norm)
    {
        using var model = TinyModels.Linear();
        using var images = TinyModels.Images(12, ScalarType.Float64);
        using var labels = TinyModels.Predicted(model, images);
        var threat = Balls.Of(norm, norm switch { PerturbationNorm.Linf => 0.1, PerturbationNorm.L2 => 0.3, _ => 0.8 });
        IAttack[] attacks =
        [
            new ApgdAttack(threat, new ApgdOptions { Search = new() { Iterations = 6 } }), new FabAttack(threat, new FabOptions { Iterations = 6 }),
            new TargetedFabAttack(threat, new TargetedFabOptions { Search = new() { Iterations = 3, MinimiseNorm = true, FinalSearch = true } }),
            new SquareAttack(threat, new SquareOptions { Queries = 40 }),
        ];
        foreach (var attack in attacks)
            LeakAssert.None(() => attack.Perturb(model, images, labels).Dispose(), runs: 1);
    }

    private static long Cost(UnitAttack attack, long classes = 10) => attack.Cost(classes);
}

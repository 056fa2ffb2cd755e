using Ardir.Attacks;
using Ardir.Core;

namespace Ardir.Tests;

public sealed class PgdOptionsTests
{
    public static TheoryData<string> BadOptions => [.. _table.Keys];

    private static readonly Dictionary<string, (PgdOptions Options, string Name)> _table = new()
    {
        ["no steps"] = (new PgdOptions { Steps = 0 }, "Steps"),
        ["negative steps"] = (new PgdOptions { Steps = -3 }, "Steps"),
        ["no restarts"] = (new PgdOptions { Restarts = 0 }, "Restarts"),
        ["no step size"] = (new PgdOptions { StepSize = 0 }, "StepSize"),
        ["infinite step size"] = (new PgdOptions { StepSize = double.PositiveInfinity }, "StepSize"),
        ["unknown start"] = (new PgdOptions { Start = (RandomStart)(-1) }, "Start"),
        ["no loss"] = (new PgdOptions { Loss = null! }, "Loss"),
        ["KL from the image"] = (new PgdOptions { Loss = AttackLoss.KlToClean, Start = RandomStart.None }, "Start"),
        ["unknown selection"] = (new PgdOptions { Selection = (PgdSelection)9 }, "Selection"),
        ["no pixels"] = (new PgdOptions { SparseFraction = 0 }, "SparseFraction"),
        ["too many pixels"] = (new PgdOptions { SparseFraction = 1.1 }, "SparseFraction"),
        ["NaN pixels"] = (new PgdOptions { SparseFraction = double.NaN }, "SparseFraction"),
        ["best of an unclamped start"] = (new PgdOptions { Selection = PgdSelection.BestLoss, Start = RandomStart.UniformUnclamped }, "Selection"),
        ["first of an unclamped start"] = (new PgdOptions { Selection = PgdSelection.FirstSuccess, Start = RandomStart.GaussianUnclamped }, "Selection"),
        ["equal restarts"] = (new PgdOptions { Restarts = 2, Start = RandomStart.None }, "Restarts"),
    };

    [Theory]
    [MemberData(nameof(BadOptions))]
    public void Create_BadOption_NamesItAndSaysWhy(string row)
    {
        var (options, name) = _table[row];
        var act = () => new PgdAttack(ThreatModel.L1(1), options);
        var error = act.Should().Throw<ArgumentException>().Which;
        error.ParamName.Should().Be(name);
        error.Message.Length.Should().BeGreaterThan(20);
    }

    [Fact]
    public void Create_Defaults_AreTheUsualTrainingAttack()
    {
        var attack = new PgdAttack(ThreatModel.Linf(8 / 255.0));
        attack.Name.Should().Be("PGD-10");
        attack.ToString().Should().Contain($"StepSize = {2 / 255.0}").And.Contain("Linf");
        new PgdAttack(ThreatModel.L2(1), new PgdOptions { Steps = 20, Restarts = 5 }).Name.Should().Be("PGD-20x5");
    }
}

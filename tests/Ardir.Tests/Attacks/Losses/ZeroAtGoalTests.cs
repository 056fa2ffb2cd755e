using Ardir.Attacks;
using Ardir.Core;
using Microsoft.Extensions.Logging;

namespace Ardir.Tests;

public sealed class ZeroAtGoalTests
{
    [Theory]
    [InlineData(true, 0)]
    [InlineData(false, 1)]
    public void Perturb_OwnLossAtItsGoal_WarnsUnlessTheLossSaysThatZeroIsItsGoal(bool says, int warnings)
    {
        using var scope = NewDisposeScope();
        // Logits (x, 0, 0): class 0 leads by 0.5 at the start and cannot be overtaken within 0.1.
        var model = new FuncModel(x => cat([x.flatten(1), zeros_like(x.flatten(1)), zeros_like(x.flatten(1))], 1));
        var logger = new ListLogger();
        var attack = new PgdAttack(ThreatModel.Linf(0.1), new() { Start = RandomStart.None, Loss = new Hinge(says) });

        attack.Perturb(model, full([1, 1, 1, 1], 0.5), zeros(1, ScalarType.Int64), new() { Logger = logger });

        logger.Entries.Count(entry => entry.Level == LogLevel.Warning).Should().Be(warnings);
    }

    [Fact]
    public void IsZeroAtGoal_OfOurLosses_HoldsForCarliniAndWagnerAlone()
    {
        IAttackLoss[] others = [AttackLoss.CrossEntropy, AttackLoss.Dlr, AttackLoss.Margin, AttackLoss.KlToClean, AttackLoss.Custom("mine", (z, _) => z.sum(1))];
        new CarliniWagnerLoss(confidence: 0).IsZeroAtGoal.Should().BeTrue();
        others.Should().NotContain(loss => loss.IsZeroAtGoal);
    }

    /// <summary>Zero where the right class leads by less than 1, as if that were the goal.</summary>
    private sealed class Hinge(bool says) : IAttackLoss
    {
        public string Name => "hinge";

        public bool IsZeroAtGoal => says;

        public Tensor Compute(AttackLossInputs inputs) => (1 + AttackLoss.Margin.Compute(inputs)).clamp_max(0);
    }
}

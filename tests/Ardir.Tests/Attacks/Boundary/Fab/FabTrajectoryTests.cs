using Ardir.Attacks;
using Ardir.Core;

namespace Ardir.Tests;

public sealed class FabTrajectoryTests
{
    [Theory]
    [InlineData(PerturbationNorm.Linf)]
    [InlineData(PerturbationNorm.L2)]
    [InlineData(PerturbationNorm.L1)]
    public void Search_TargetedFifteenIterations_FollowsTheReference(PerturbationNorm norm)
    {
        using var scope = NewDisposeScope();
        var golden = GoldenFile.Load("trajectories");
        foreach (var dtype in new[] { ScalarType.Float32, ScalarType.Float64 })
        {
            using var model = TrajectoryModel.Load(golden, dtype);
            // A ball that holds every point of the box: all that is found counts.
            var threat = Balls.Of(norm, norm == PerturbationNorm.Linf ? 1 : 64);
            for (var rank = 2; rank <= 4; rank++)
            {
                var place = rank - 2;
                var probe = new OneTarget(threat, place);
                var expected = golden.Tensor($"fab_targeted_15_iterations/{norm}/rank{rank}");
                TensorAssert.Close(probe.Perturb(model, model.Images, model.Labels), expected, 5e-5);
            }
        }
    }

    private sealed class OneTarget(ThreatModel threat, int place) : Attack(threat)
    {
        private readonly TargetedFabAttack _attack = new(threat, new TargetedFabOptions { Search = new() { Iterations = 15, MinimiseNorm = true } });

        public override string Name => "one target";

        protected override Tensor Search(AttackRun run)
        {
            var outcome = _attack.RunUnit(run.WithCleanLogits(run.Logits(run.Images)), place);
            return where(outcome.Broken.reshape(-1, 1, 1, 1), outcome.Points, run.Images);
        }
    }
}

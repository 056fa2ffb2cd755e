using Ardir.Core;

namespace Ardir.Attacks;

/// <summary>For threat models that are no norm balls: steepest ascent with momentum; each half of the step is brought back by the threat
/// model's cheap projection.</summary>
internal sealed class ProjectedApgdStep(ThreatModel threat, StepSizeController sizes) : ApgdStep
{
    public override Tensor Move(AttackRun run, ApgdState state, double momentum)
    {
        var point = state.Point;
        var wanted = threat.SteepestAscent(state.Gradient).mul_(sizes.Size).add_(point);
        var next = threat.ProjectStep(run.Images, wanted).sub_(point).mul_(momentum).add_(point);
        next.add_(state.Previous.sub_(point), alpha: momentum - 1);
        return threat.ProjectStep(run.Images, next);
    }

    public override Tensor? End(AttackRun run, ApgdState state, Tensor loss) => sizes.End(loss, state.BestLoss);

    public override void Narrow(Tensor rows) => sizes.Narrow(rows);

    public override void Dispose() => sizes.Dispose();
}

using Ardir.Core;

namespace Ardir.Attacks;

/// <summary>For threat models that are no norm balls: steepest ascent with momentum; each half of the step is brought back by the threat
/// model's cheap projection.</summary>
internal sealed class ProjectedApgdStep(ThreatModel threat, StepSizeController sizes) : SizedApgdStep(sizes)
{
    public override Tensor Move(AttackRun run, ApgdState state, double momentum)
    {
        var wanted = threat.SteepestAscent(state.Gradient).mul_(Size).add_(state.Point);
        return threat.ProjectStep(run.Images, WithMomentum(threat.ProjectStep(run.Images, wanted), state, momentum));
    }
}

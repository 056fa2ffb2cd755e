namespace Ardir.Attacks;

/// <summary>A step whose size is halved where the loss stops rising, with the heavy-ball momentum of APGD.</summary>
internal abstract class SizedApgdStep(StepSizeController sizes) : ApgdStep
{
    protected Tensor Size => sizes.Size;

    public override Tensor? End(AttackRun run, ApgdState state, Tensor loss) => sizes.End(loss, state.BestLoss);

    public override void Narrow(Tensor rows) => sizes.Narrow(rows);

    public override void Dispose() => sizes.Dispose();

    /// <summary>The momentum of APGD before the last projection: a share of the new step and the rest of the one before. Overwrites
    /// <paramref name="next"/> and the state's previous point, which nothing needs any more.</summary>
    /// <param name="next">Where the step alone leads.</param>
    /// <param name="state">Points and gradient.</param>
    /// <param name="momentum">Share of the new step.</param>
    protected static Tensor WithMomentum(Tensor next, ApgdState state, double momentum)
    {
        var point = state.Point;
        next.sub_(point).mul_(momentum).add_(point);
        return next.add_(state.Previous.sub_(point), alpha: momentum - 1);
    }
}

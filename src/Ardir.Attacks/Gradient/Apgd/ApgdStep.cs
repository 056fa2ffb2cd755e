using Ardir.Core;

namespace Ardir.Attacks;

/// <summary>What differs between norms in APGD: the move, and when and how the step size changes. Holds its state per sample.</summary>
internal abstract class ApgdStep : IDisposable
{
    /// <summary>The next points, in the threat set of the stage. May overwrite the state's previous points and gradient.</summary>
    public abstract Tensor Move(AttackRun run, ApgdState state, double momentum);

    /// <summary>Ends an iteration, after the state has recorded the new loss and gradient.</summary>
    /// <returns>bool [n], the samples that go back to their best point; null if none can.</returns>
    public abstract Tensor? End(AttackRun run, ApgdState state, Tensor loss);

    public abstract void Narrow(Tensor rows);

    public abstract void Dispose();

    public static ApgdStep Create(AttackRun run, ApgdStage stage, double rho, Tensor start, Tensor loss)
    {
        if (run.Threat is NormThreatModel { Norm: PerturbationNorm.L1 }) return new L1ApgdStep(run, stage, start);
        var sizes = new StepSizeController(start, loss, 2 * stage.Radius, stage.Iterations, rho);
        return run.Threat switch
        {
            NormThreatModel { Norm: PerturbationNorm.Linf } linf => new LinfApgdStep(run, linf.WithEpsilon(stage.Radius), sizes),
            NormThreatModel l2 => new L2ApgdStep(l2.WithEpsilon(stage.Radius), sizes),
            var other => new ProjectedApgdStep(other, sizes),
        };
    }

    /// <summary>Where a run starts: on the surface of the ball for Linf (at least one value) and L2, a projected Gaussian for L1, uniform
    /// noise for a threat model that is no norm ball.</summary>
    public static Tensor Start(AttackRun run, double radius, SampleStreams streams)
    {
        if (run.Threat is not NormThreatModel norm) return run.Threat.SampleStart(run.Images, RandomStart.Uniform, streams);
        using var scope = NewDisposeScope();
        var (images, ball) = (run.Images, norm.WithEpsilon(radius));
        var noise = norm.Norm == PerturbationNorm.Linf ? streams.Uniform(images, -1, 1) : streams.Normal(images);
        if (norm.Norm != PerturbationNorm.L1)
            noise.mul_(PerSample.Of(radius / ball.Measure(noise).clamp_min(EuclideanLength.Smallest(images.dtype)), images));
        var start = noise.add_(images);
        var isClampEnough = norm.Norm == PerturbationNorm.L2 && IsPrecise(images.dtype);
        var projected = isClampEnough ? ball.ProjectStep(images, start) : ball.Project(images, start, checkValues: false);
        return projected.MoveToOuterDisposeScope();
    }

    /// <summary>Whether a point stays in its ball in spite of rounding; in half precision only the exact projection ensures it.</summary>
    protected static bool IsPrecise(ScalarType dtype) => dtype is ScalarType.Float32 or ScalarType.Float64;
}

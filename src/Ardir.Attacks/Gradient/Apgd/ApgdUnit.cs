using Ardir.Core;

namespace Ardir.Attacks;

/// <summary>One random start of APGD, with one radius or three.</summary>
internal static class ApgdUnit
{
    /// <summary>Forward and backward passes of a sample that resists: one of each for every iteration and for the start of every
    /// stage.</summary>
    public static long Cost(ApgdSearchOptions options, ThreatModel threat) =>
        2L * (options.Iterations + Stages(options, threat).Count);

    /// <summary>Runs the stages; only what the last one breaks counts.</summary>
    /// <param name="run">With a loss.</param>
    /// <param name="options">The options.</param>
    /// <param name="purpose">Names the random stream.</param>
    /// <param name="unit">The unit, from 0.</param>
    /// <param name="giveUp">Whether samples out of reach leave; with three radii only in the last stage, because only there a success
    /// counts.</param>
    public static UnitOutcome Search(AttackRun run, ApgdSearchOptions options, string purpose, int unit, bool giveUp = false)
    {
        using var scope = NewDisposeScope();
        var stages = Stages(options, run.Threat);
        var points = ApgdStep.Start(run, stages[0].Radius, run.Streams(purpose, unit));
        var done = 0;
        for (var i = 0; i < stages.Count - 1; i++)
        {
            // A wider ball only yields a better start: points that are adversarial there do not count.
            var wide = ApgdEngine.Climb(run, options, stages[i], points, Report);
            done += stages[i].Iterations;
            points = Ball(run, stages[i + 1]).Project(run.Images, wide.Best!, checkValues: false);
        }
        var found = ApgdEngine.Climb(run, options, stages[^1] with { GiveUp = giveUp }, points, Report);
        return new UnitOutcome(found.Points.MoveToOuterDisposeScope(), found.Broken.MoveToOuterDisposeScope());

        static NormThreatModel Ball(AttackRun run, ApgdStage stage) => ((NormThreatModel)run.Threat).WithEpsilon(stage.Radius);

        void Report(AttackRun active, int iteration) => active.Report(done + iteration, options.Iterations, unit);
    }

    private static IReadOnlyList<ApgdStage> Stages(ApgdSearchOptions options, ThreatModel threat) =>
        options.UseLargeRadii && threat is NormThreatModel { Norm: PerturbationNorm.L1 }
            ? ApgdStage.LargeRadii(threat.Epsilon, options.Iterations)
            : [new ApgdStage(threat.Epsilon, options.Iterations)];
}

using Ardir.Attacks;
using Ardir.Core;

namespace Ardir.Tests;

/// <summary>Networks on which Square finds nothing that the others leave, and one that Square breaks where the others cannot.</summary>
internal static class FastModels
{
    public static readonly ThreatModel Threat = ThreatModel.Linf(0.06);

    /// <summary>A linear model: targeted APGD finds whatever can be found.</summary>
    public static LinearModel Plain() => TinyModels.Linear(dtype: ScalarType.Float32);

    /// <summary>The same answers with a gradient of zero: the others have no more than their random starts.</summary>
    public static FuncModel Masked()
    {
        var net = Plain();
        return new FuncModel(x => net.call(x.detach()) + 0 * x.sum([1, 2, 3]).unsqueeze(1));
    }

    public static AutoAttackOptions Options(AutoAttackVersion version, double bound = 0.1) => new()
    {
        Version = version, BatchSize = 64, Seed = 3, Diagnose = false, FastBound = version == AutoAttackVersion.Fast ? bound : 0.01,
    };

    /// <summary>The ensemble's own loop with attacks that take a moment: the second runs on a sample.</summary>
    public static EnsembleRun Run(IModule model, int batchSize, AttackContext? context = null, string? path = null, int count = 60)
    {
        using var noGrad = no_grad();
        var images = TinyModels.Images(count);
        context = (context ?? new AttackContext()) with { Seed = 3 };
        using var guarded = new GuardedModel(model, context);
        var task = new EnsembleTask
        {
            Attacks = [new ApgdAttack(Threat, new ApgdOptions { Search = new() { Iterations = 10 } }), new SquareAttack(Threat, new SquareOptions { Queries = 150 })],
            Threat = Threat, Model = guarded, Images = images, Labels = Plain().call(images).argmax(1), BatchSize = batchSize, Context = context, Sampled = new SampledAttack(1, 0.1),
        };
        var run = new EnsembleRun(task);
        using var state = EnsembleState.Open(path, new Dictionary<string, string>(), images, out var done);
        using var clean = CleanAnswers.Of(task);
        run.Begin(clean);
        run.Resume(done);
        run.Attack(state);
        return run;
    }

    public static RobustnessReport Evaluate(IModule model, AutoAttackOptions options, AttackContext? context = null, int count = 60)
    {
        var images = TinyModels.Images(count);
        return new AutoAttack(Threat, options).Evaluate(model, images, Plain().call(images).argmax(1), context);
    }
}

using System.Text.Json;
using Ardir.Attacks;
using Ardir.Core;

namespace Ardir.Tests;

/// <summary>
/// The entry point of this assembly, for tests that need a process of their own to kill: <c>dotnet Ardir.Tests.dll STATE RESULT</c> runs one evaluation with a
/// state file and writes down all that must not depend on interruptions. With a third argument it stands still after some batches, having made that file, and waits to be killed.
/// </summary>
internal static class ResumeWorker
{
    // Five such pieces are less than half of the evaluation.
    private const int BatchesBeforeHolding = 20;

    private static readonly ThreatModel _threat = ThreatModel.Linf(0.05);

    public static int Main(string[] arguments)
    {
        ArgumentNullException.ThrowIfNull(arguments);
        if (arguments is ["train", var folder, var trained, .. var marker] && marker.Length < 2)
        {
            File.WriteAllText(trained, TrainingWorker.Run(folder, marker.SingleOrDefault()));
            return 0;
        }
        if (arguments is ["experiment", var experiment, var done, .. var hold] && hold.Length < 2)
        {
            ExperimentWorker.Run(experiment, done, hold.SingleOrDefault());
            return 0;
        }
        if (arguments is ["trimmed", var weights, var place])
        {
            Console.WriteLine(TrimmedRun.Of(weights, place));
            return 0;
        }
        if (arguments is ["mpi", var job, .. var places]) return MpiWorker.Run(job, places);
        if (arguments is not [var state, var result, .. var held] || held.Length > 1) return 2;
        File.WriteAllText(result, Evaluate(state, held.SingleOrDefault()));
        return 0;
    }

    public static string Evaluate(string? state, string? holdAt = null, ICollective? ranks = null, int count = 100)
    {
        // A report with an evaluation in it ends a batch, which is in the state file by then.
        var context = holdAt is null ? null : new AttackContext { Progress = new HoldingProgress<AttackProgress>(BatchesBeforeHolding, holdAt, report => report.Evaluation is not null) };
        using var scope = NewDisposeScope();
        using var model = TinyModels.Smooth();
        var images = TinyModels.Images(count);
        using var report = Attack(state, ranks ?? SoloCollective.Instance).Evaluate(model, images, TinyModels.Predicted(model, images), context);
        return JsonSerializer.Serialize(new
        {
            report.Robust,
            report.Correct,
            report.BrokenBy,
            report.Predictions,
            Costs = report.Attacks.Select(attack => new { attack.Name, attack.Attacked, attack.Broken, attack.RobustAccuracyAfter, attack.SampleForwards, attack.SampleBackwards }),
            Findings = report.Findings.Select(finding => finding.Message),
            Adversarial = Convert.ToHexString(report.Adversarial.bytes),
        });
    }

    // Of every sort: with units and without, with random starts, with moves of its own. Batches of a few milliseconds.
    private static AutoAttack Attack(string? state, ICollective ranks) => new(_threat, new AutoAttackOptions
    {
        Version = AutoAttackVersion.Custom,
        Attacks =
        [
            new SquareAttack(_threat, new SquareOptions { Queries = 30 }),
            new FgsmAttack(_threat),
            new TargetedFabAttack(_threat, new TargetedFabOptions { Search = new() { Iterations = 10 } }),
            new PgdAttack(_threat, new PgdOptions { Steps = 10 }),
            new ApgdAttack(_threat, new ApgdOptions { Search = new() { Iterations = 20, Restarts = 2 } }),
            new TargetedApgdAttack(_threat, new TargetedApgdOptions { Search = new() { Iterations = 20 } }),
            new SquareAttack(_threat, new SquareOptions { Queries = 300 }),
        ],
        BatchSize = 3,
        Seed = 5,
        StatePath = state,
        Collective = ranks,
    });
}

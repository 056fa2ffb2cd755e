using System.Text.Json;
using Ardir.Attacks;
using Ardir.Core;

namespace Ardir.Tests;

/// <summary>
/// The entry point of this assembly, for tests that need a process of their own to kill: <c>dotnet Ardir.Tests.dll STATE RESULT</c> runs one evaluation with a
/// state file and writes down all that must not depend on interruptions.
/// </summary>
internal static class ResumeWorker
{
    private static readonly ThreatModel _threat = ThreatModel.Linf(0.05);

    public static int Main(string[] arguments)
    {
        ArgumentNullException.ThrowIfNull(arguments);
        if (arguments is ["train", var folder, var result])
        {
            File.WriteAllText(result, TrainingWorker.Run(folder));
            return 0;
        }
        if (arguments.Length != 2) return 2;
        File.WriteAllText(arguments[1], Evaluate(arguments[0]));
        return 0;
    }

    public static string Evaluate(string? state)
    {
        using var scope = NewDisposeScope();
        using var model = TinyModels.Smooth();
        var images = TinyModels.Images(100);
        using var report = Attack(state).Evaluate(model, images, TinyModels.Predicted(model, images));
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
    private static AutoAttack Attack(string? state) => new(_threat, new AutoAttackOptions
    {
        Version = AutoAttackVersion.Custom,
        Attacks =
        [
            new SquareAttack(_threat, new SquareOptions { Queries = 30 }),
            new FgsmAttack(_threat),
            new TargetedFabAttack(_threat, new TargetedFabOptions { Iterations = 10 }),
            new PgdAttack(_threat, new PgdOptions { Steps = 10 }),
            new ApgdAttack(_threat, new ApgdOptions { Iterations = 20, Restarts = 2 }),
            new TargetedApgdAttack(_threat, new TargetedApgdOptions { Iterations = 20 }),
            new SquareAttack(_threat, new SquareOptions { Queries = 300 }),
        ],
        BatchSize = 3,
        Seed = 5,
        StatePath = state,
    });
}

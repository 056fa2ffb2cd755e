using System.Globalization;
using Ardir.Attacks;
using Ardir.Core;

namespace Ardir.Tests;

/// <summary>An evaluation in a process of its own: says a line per batch, writes all that the result is.</summary>
internal static class EnsembleWorker
{
    private static readonly ThreatModel _threat = ThreatModel.Linf(0.1);

    public static int Run(string state, string result)
    {
        using var model = FashionModel.Robust();
        var (images, labels) = FashionModel.Images(48);
        using var imageOwner = images;
        using var labelOwner = labels;
        var attack = new AutoAttack(_threat, new AutoAttackOptions
        {
            Version = AutoAttackVersion.Custom,
            Attacks =
            [
                new ApgdAttack(_threat, new ApgdOptions { Iterations = 8, Restarts = 2 }),
                new TargetedFabAttack(_threat, new TargetedFabOptions { Iterations = 5, TargetClasses = 3 }),
                new SquareAttack(_threat, new SquareOptions { Queries = 25 }),
            ],
            BatchSize = 4,
            StatePath = state,
        });
        using var report = attack.Evaluate(model, images, labels, new AttackContext
        {
            Progress = new ListProgress<AttackProgress>(report => { if (report.Evaluation is not null) Console.WriteLine("batch"); }),
        });
        using var values = report.Adversarial.contiguous();
        var lines = report.Attacks.Select(one => $"{one.Name} {one.Attacked} {one.Broken} {one.RobustAccuracyAfter:R} {one.SampleForwards} {one.SampleBackwards}")
            .Append(string.Join(' ', report.Robust))
            .Append(string.Join(' ', report.BrokenBy))
            .Append(string.Join(' ', report.Predictions.Select(prediction => prediction.ToString(CultureInfo.InvariantCulture))))
            .Append(Convert.ToHexString(System.Security.Cryptography.SHA256.HashData(values.bytes)));
        File.WriteAllLines(result, lines);
        return 0;
    }
}

using System.Text.Json;
using Ardir.Core;
using Ardir.Distillation;

namespace Ardir.Tests;

/// <summary>A training run for tests that need a process to kill: <c>dotnet Ardir.Tests.dll train FOLDER RESULT</c> runs it with checkpoints in a folder and
/// writes down all that must not depend on interruptions. With a fourth argument it stands still on the way, having made that file, and waits to be killed.</summary>
internal static class TrainingWorker
{
    // Behind at least one checkpoint, as an epoch makes eleven reports; six such pieces are less than the run.
    private const int ReportsBeforeHolding = 16;

    public static string Run(string? folder, string? holdAt = null)
    {
        using var data = TrainingWorld.Data();
        using var validation = TrainingWorld.Data(20, seed: 2);
        using var student = TrainingWorld.Student();
        using var teacher = TrainingWorld.Network(8);
        using var trainer = new DistillationTrainer(student, teacher, TrainingWorld.Ardir(), TrainingWorld.Options(12) with
        {
            SelectionAttack = TrainingWorld.Pgd(3), Crafting = new OwnCrafting(TrainingWorld.Pgd(10)), Augmentation = new() { Padding = 1 }, EvaluationBatchSize = 8, CheckpointDirectory = folder,
            CheckpointInterval = folder is null ? null : TimeSpan.FromMilliseconds(1), Schedule = new CosineSchedule(), WeightPerturbation = new() { WarmupEpochs = 2 }, MaxGradientNorm = 1,
            WeightAveraging = new StochasticWeightAveraging { StartEpoch = 3 },
        });
        var result = trainer.Fit(data, validation, holdAt is null ? null : new HoldingProgress<TrainingProgress>(ReportsBeforeHolding, holdAt, _ => true));
        var last = Hex(student);
        trainer.RestoreBest();
        var best = Hex(student);
        trainer.RestoreAverage();
        return JsonSerializer.Serialize(new { Epochs = result.Epochs.Select(epoch => epoch with { Elapsed = default }), Best = result.Best.Epoch, last, best, Average = Hex(student) });
    }

    private static string Hex(nn.Module student) => string.Join(" ", student.state_dict().Select(pair => $"{pair.Key}={Convert.ToHexString(pair.Value.bytes)}"));
}

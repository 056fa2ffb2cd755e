using Ardir.Attacks;
using Ardir.Core;
using Ardir.Distillation;

namespace Ardir.Tests;

/// <summary>Short training runs that together use every part of the trainer: objectives with and without teacher and taps, weight perturbation, averages, clipping, bfloat16, checkpoints.</summary>
internal static class SoakTrainings
{
    private const int Classes = 5;

    private static readonly ThreatModel _threat = ThreatModel.Linf(0.1);

    /// <param name="folder">For the checkpoints.</param>
    public static List<SoakJob> All(string folder)
    {
        var data = Data();
        var pgd = new PgdAttack(_threat, new PgdOptions { Steps = 2 });
        SoakJob Job(string name, Func<IDistillationLoss> loss, Func<TrainerOptions, TrainerOptions>? more = null) =>
            new($"Fit, {name}", () => Train(loss(), more is null ? Options(pgd) : more(Options(pgd)), data));
        return
        [
            Job("adversarial training with AWP and clipping", () => new AdversarialTrainingLoss(), options => options with { WeightPerturbation = new AdversarialWeightPerturbation(), MaxGradientNorm = 1 }),
            Job("TRADES with an average", () => new TradesLoss(), options => options with { WeightAveraging = new ExponentialMovingAverage(), LabelSmoothing = 0.1 }),
            Job("MART, accumulated, averaged weights", () => new MartLoss(), options => options with { AccumulationSteps = 2, WeightAveraging = new StochasticWeightAveraging { StartEpoch = 0 } }),
            Job("RSLAD in bfloat16", () => new RsladLoss(), options => options with { Precision = TrainingPrecision.BFloat16 }),
            Job("IAD", () => new IadLoss(new IadLossOptions { Begin = 0 })),
            Job("ARDIR with checkpoints and a selection attack", () => new ArdirLoss(new ArdirLossOptions { Features = new() { Layers = ["layer1"] } }), options => options with
            {
                CheckpointDirectory = Fresh(Path.Combine(folder, "training")), CheckpointInterval = TimeSpan.FromTicks(1), SelectionAttack = pgd, Augmentation = new ImageAugmentation { Padding = 1 },
            }),
        ];
    }

    private static TrainerOptions Options(IAttack attack) => new() { Epochs = 2, BatchSize = 8, LearningRate = 0.05, Milestones = [1], Crafting = new OwnCrafting(attack), Seed = 5, EvaluationBatchSize = 8 };

    private static string Train(IDistillationLoss loss, TrainerOptions options, ImageDataset data)
    {
        using var student = SoakAttacks.Network(seed: 2);
        using var teacher = SoakAttacks.Network(seed: 3);
        using var trainer = new DistillationTrainer(student, loss.Needs.Networks.Contains(NetworkRole.Teacher) ? teacher : null, loss, options);
        var result = trainer.Fit(data, data);
        var last = Fingerprint.Of(student);
        trainer.RestoreBest();
        return $"{last} {Fingerprint.Of(student)} {string.Join(' ', result.Epochs.Select(epoch => epoch.TrainLoss.ToString("R", System.Globalization.CultureInfo.InvariantCulture)))}";
    }

    private static ImageDataset Data()
    {
        var pixels = new byte[24 * 64];
        for (var i = 0; i < pixels.Length; i++) pixels[i] = (byte)(i % 8 / 2 == i / 64 % Classes ? 200 - i % 23 : 40 + i % 31);
        return new ImageDataset(tensor(pixels, [24, 1, 8, 8], ScalarType.Byte), tensor([.. Enumerable.Range(0, 24).Select(i => (long)(i % Classes))]));
    }

    private static string Fresh(string folder)
    {
        if (Directory.Exists(folder)) Directory.Delete(folder, recursive: true);
        return folder;
    }
}

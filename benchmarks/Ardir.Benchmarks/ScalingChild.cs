using System.Diagnostics;
using System.Text.Json;
using Ardir.Attacks;
using Ardir.Core;
using Ardir.Distillation;
using Ardir.Distributed;

namespace Ardir.Benchmarks;

/// <summary>What one run by some number of ranks took.</summary>
/// <param name="Images">Images of all ranks together.</param>
/// <param name="Seconds">From the first to the last.</param>
/// <param name="Exchange">Seconds of the first rank within exchanges, waiting for others included.</param>
/// <param name="Calls">Exchanges of a rank.</param>
/// <param name="Bytes">Bytes that a rank gave to them.</param>
/// <param name="Steps">Training steps, or 1.</param>
internal sealed record ScalingResult(double Images, double Seconds, double Exchange, long Calls, long Bytes, int Steps)
{
    public double Rate => Images / Seconds;
}

/// <summary>One job by the ranks of a launcher, or alone: <c>scaling-child JOB FILE</c>.</summary>
internal static class ScalingChild
{
    private const int BatchPerRank = 32;
    private const int StepsPerEpoch = 1;
    private const int AttackedImages = 16;
    private const int AttackBatch = 8;

    public static int Run(string[] args)
    {
        set_num_threads(1);
        FreedMemory.Keep();
        var (job, file) = (args[0], args[1]);
        return MpiCollective.Run(ranks =>
        {
            var result = job switch
            {
                "training" => Training(ranks, DistributedBatchNorm.Synchronized),
                "training-local" => Training(ranks, DistributedBatchNorm.Local),
                "autoattack" => Evaluation(ranks),
                _ => Exchange(ranks, int.Parse(job, System.Globalization.CultureInfo.InvariantCulture)),
            };
            if (ranks.Rank == 0) File.WriteAllText(file, JsonSerializer.Serialize(result));
            return 0;
        });
    }

    /// <summary>Standard adversarial training of PreActResNet-18 as the trainer does it: epochs of one step, the first one to warm up.</summary>
    private static ScalingResult Training(ICollective ranks, DistributedBatchNorm batchNorm)
    {
        const int Epochs = 3;
        var timed = new TimedCollective(ranks);
        using var student = PreActResNet.Create(new PreActResNetOptions { Seed = 1 });
        var count = BatchPerRank * StepsPerEpoch * ranks.Size;
        using var data = Images(count);
        // What is exchanged before the first epoch and in it belongs to the start.
        var (time, calls, bytes) = (TimeSpan.Zero, 0L, 0L);
        var mark = new Marked(report =>
        {
            if (report.Phase == TrainingPhase.EpochEnd && report.Epoch == 0) (time, calls, bytes) = (timed.Time, timed.Calls, timed.Bytes);
        });
        using var trainer = new DistillationTrainer(student, null, new AdversarialTrainingLoss(), new TrainerOptions
        {
            Epochs = Epochs, BatchSize = BatchPerRank * ranks.Size, Milestones = [], BatchNorm = batchNorm, Seed = 1, Collective = timed, MemoryFormat = MemoryFormat.Contiguous,
            Crafting = new PrescribedCrafting(ThreatModel.Linf(8 / 255.0)),
        });
        var result = trainer.Fit(data, progress: mark);
        var seconds = result.Epochs.Skip(1).Sum(epoch => epoch.Elapsed.TotalSeconds);
        return new ScalingResult((Epochs - 1) * count, seconds, (timed.Time - time).TotalSeconds, timed.Calls - calls, timed.Bytes - bytes, (Epochs - 1) * StepsPerEpoch);
    }

    /// <summary>Attacks that the images withstand, as a robust network's do: all batches are full to the end.</summary>
    private static ScalingResult Evaluation(ICollective ranks)
    {
        var timed = new TimedCollective(ranks);
        var threat = ThreatModel.Linf(1e-6);
        using var scope = NewDisposeScope();
        using var model = PreActResNet.Create(new PreActResNetOptions { Seed = 1 });
        model.eval();
        using var data = Images(AttackedImages);
        var (images, _) = data.Batch([.. Enumerable.Range(0, AttackedImages).Select(i => (long)i)]);
        var labels = model.call(images).argmax(1);
        var attack = new AutoAttack(threat, new AutoAttackOptions
        {
            Version = AutoAttackVersion.Custom, BatchSize = AttackBatch, Diagnose = false, Collective = timed,
            Attacks =
            [
                new ApgdAttack(threat, new ApgdOptions { Search = new() { Iterations = 8 } }),
                new SquareAttack(threat, new SquareOptions { Queries = 20 }),
            ],
        });
        // Once to warm up, as in training.
        attack.Evaluate(model, images, labels).Dispose();
        var (time, calls, bytes) = (timed.Time, timed.Calls, timed.Bytes);
        var clock = Stopwatch.StartNew();
        using var report = attack.Evaluate(model, images, labels);
        return new ScalingResult(
            AttackedImages, clock.Elapsed.TotalSeconds, (timed.Time - time).TotalSeconds, timed.Calls - calls, timed.Bytes - bytes, 1);
    }

    /// <summary>The sum of a tensor with so many bytes, again and again.</summary>
    private static ScalingResult Exchange(ICollective ranks, int bytes)
    {
        var times = new List<double>();
        using var values = zeros(bytes / 4, ScalarType.Float32, CPU);
        for (var round = 0; round < 50; round++)
        {
            var clock = Stopwatch.StartNew();
            ranks.AllReduce(values);
            times.Add(clock.Elapsed.TotalSeconds);
        }
        return new ScalingResult(1, Pulse.Median(times), Pulse.Median(times), 1, bytes, 1);
    }

    private static ImageDataset Images(int count)
    {
        using var like = zeros(count, 3, 32, 32);
        using var pixels = SampleStreams.ForSamples(3, null, count).Uniform(like, 0, 255);
        return new ImageDataset(pixels.to(ScalarType.Byte), arange(count).remainder(10));
    }

    private sealed class Marked(Action<TrainingProgress> see) : IProgress<TrainingProgress>
    {
        public void Report(TrainingProgress value) => see(value);
    }
}

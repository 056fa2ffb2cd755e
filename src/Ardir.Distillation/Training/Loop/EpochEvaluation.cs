using Ardir.Attacks;
using Ardir.Core;

namespace Ardir.Distillation;

/// <summary>What is measured after each epoch: the student and the average of its weights, on the validation set.</summary>
internal sealed class EpochEvaluation(TrainingRun run)
{
    public EpochMetrics OfStudent(EpochMetrics trained)
    {
        if (run.Validation is not { } validation) return trained;
        var started = run.Report.Elapsed;
        var result = Measure(validation, trained.Epoch);
        return trained with
        {
            CleanAccuracy = result.CleanAccuracy,
            RobustAccuracy = run.Options.SelectionAttack is null ? null : result.RobustAccuracy,
            Elapsed = trained.Elapsed + run.Report.Elapsed - started,
        };
    }

    /// <summary>Adds the epoch's weights to the average, measures the average's batch-norm statistics and evaluates it.</summary>
    public EpochMetrics OfAverage(EpochMetrics metrics)
    {
        if (run.Average is not { } average) return metrics;
        var started = run.Report.Elapsed;
        var renewed = average.AfterEpoch(run.Weights, metrics.Epoch);
        if (average.Count == 0) return metrics;
        using var swap = new WeightSwap(run.Setup.Student, average.Values);
        if (renewed && BatchNormStatistics.Any(run.Setup.Student))
        {
            var batches = run.BatchesOf(SeedMixer.Mix(run.Options.Seed, "averaging"));
            BatchNormStatistics.Measure(run.Weights.Network, batches.Epoch(metrics.Epoch), run.Ranks, run.Cancellation);
            SharedState.Buffers(run);
            average.TakeBuffers(run.Setup.Student);
        }
        if (run.Validation is not { } validation) return metrics with { Elapsed = metrics.Elapsed + run.Report.Elapsed - started };
        var result = Measure(validation, metrics.Epoch);
        return metrics with
        {
            AverageCleanAccuracy = result.CleanAccuracy,
            AverageRobustAccuracy = run.Options.SelectionAttack is null ? null : result.RobustAccuracy,
            Elapsed = metrics.Elapsed + run.Report.Elapsed - started,
        };
    }

    private RobustnessResult Measure(ImageDataset validation, int epoch)
    {
        var size = Math.Min(run.Options.EvaluationBatchSize, validation.Count);
        var batches = (validation.Count + size - 1) / size;
        var done = new Relay(images => run.Report.Evaluation(epoch, (images + size - 1) / size, batches));
        var context = new AttackContext
        {
            Seed = SeedMixer.Mix(run.Options.Seed, "selection"), CancellationToken = run.Cancellation, Logger = run.Options.Logger,
            Shards = run.Options.AttackShards, SearchPrecision = run.Options.SearchPrecision,
            FoldBatchNorm = run.Options.FoldBatchNorm, Convolutions = run.Options.Convolutions,
        };
        var options = new EvaluationOptions
        {
            BatchSize = run.Options.EvaluationBatchSize, Context = context, Progress = done, Device = run.Device,
            Collective = run.Options.Collective,
            // A student that computes in bfloat16 takes images of float32, as in the training steps.
            DType = run.Weights.ImageDType,
            // The trainer records the accuracies of student and average under names of its own.
            RecordsAccuracy = false, Checks = EvaluationChecks.Essential,
        };
        return RobustnessEvaluator.Evaluate(run.Weights.Network, validation, run.Options.SelectionAttack, options);
    }
}

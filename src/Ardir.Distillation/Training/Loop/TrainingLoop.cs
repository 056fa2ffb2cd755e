using Ardir.Attacks;
using Ardir.Core;

namespace Ardir.Distillation;

/// <summary>The loop of <c>Fit</c>, to be read from top to bottom.</summary>
internal sealed class TrainingLoop(TrainingRun run, TrainingStep step, RunStore store)
{
    private const int ProgressEvery = 10;
    private const int StuckAfterEpochs = 10;

    // Adam changes each weight by about the rate, whatever the gradient; the default of TrainerOptions is one for SGD.
    private const double HighForAdam = 0.02;

    // Between the shares in the studies of docs/results.md: half, which cost robustness, and a fortieth, which did not.
    private const double ManyReplaced = 0.3;

    private readonly TrainerOptions _options = run.Options;
    private readonly EpochEvaluation _evaluation = new(run);

    public TrainingResult Run()
    {
        Begin();
        while (run.Epochs.Count < _options.Epochs)
        {
            using var activity = TrainingInstruments.StartEpoch(run.Epochs.Count);
            var metrics = _evaluation.OfAverage(_evaluation.OfStudent(TrainEpoch()));
            run.Add(metrics);
            run.Ranks.AtFirst(() => store.Save(run));
            if (run.Ranks.IsFirst) TrainingInstruments.EpochDone(activity, metrics);
            Announce(metrics);
        }
        run.Ranks.AtFirst(() => store.KeepAverage(run));
        return new TrainingResult { Epochs = run.Epochs, Best = run.Epochs[run.Best], Crafting = run.Setup.Crafting };
    }

    private void Begin()
    {
        // Checked once here instead of in every step. Pixels are bytes, so only labels can be out of range.
        TensorGuard.LabelRange(run.Train.Labels, run.Train.ClassNames.Count, "train.Labels");
        var agreement = new RunAgreement(run, store);
        agreement.Check();
        TrainerLog.Starting(
            _options.Logger, run.Setup.Loss.Name, _options.Epochs, run.Train.Count, run.Device.ToString(), _options.BatchSize,
            _options.Seed);
        if (run.Setup.Crafting.Images.Count > 0) TrainerLog.Crafting(_options.Logger, run.Setup.Crafting);
        Warn();
        run.Health.SaveBatch = (epoch, step) => store.SaveBadBatch(run, epoch, step);
        agreement.Resume();
        run.Report.Begin(run.Start.Epoch + run.Start.Step / (double)run.Steps, run.Epochs);
        if (!run.Setup.Student.training) run.Setup.Student.train();
        run.Setup.Loss.Trainable?.train();
        run.Arrange();
        if (run.Epochs.Count < _options.Epochs) run.Keep(step.Taps);
    }

    private EpochMetrics TrainEpoch()
    {
        using var epoch = new EpochState(run, run.TakePartial());
        run.Health.Begin(epoch.Epoch);
        foreach (var batch in run.Batches.Epoch(epoch.Epoch, skip: epoch.Step))
        {
            using var scope = NewDisposeScope();
            run.OwnCancellation.ThrowIfCancellationRequested();
            run.Optimizer.SetRate(epoch.LearningRate = LearningRate.At(_options, epoch.Moment));
            run.Reseed(epoch.Moment);
            var atLoggingPoint = epoch.Step % ProgressEvery == 0 || epoch.IsLast;
            var taken = run.Health.Run(epoch.Step, atLoggingPoint, !run.IsFirstStep(epoch.Moment), () => Train(batch, epoch));
            if (taken) run.Average?.AfterStep(run.Weights, epoch.Epoch);
            epoch.Done(taken);
            Report(epoch, batch.Indices.Count, atLoggingPoint);
            SaveWithin(epoch);
        }
        epoch.Close(run.Ranks);
        SharedState.Buffers(run);
        var loss = run.Health.FiniteLoss(epoch.Totals, epoch.Steps);
        var metrics = epoch.Metrics(loss);
        run.Health.CheckStudent();
        return metrics;
    }

    private bool Train(ImageBatch batch, EpochState epoch) => step.Run(batch.Checked, new StepContext
    {
        Weights = run.Weights, Optimizer = run.Optimizer, Health = run.Health, Reduction = run.Reduction, Totals = epoch.Totals,
        Kept = run.Kept,
        Epoch = epoch.Epoch, Step = epoch.Step,
        Attack = new AttackContext
        {
            Seed = SeedMixer.Mix(run.SeedOf(epoch.Epoch), "attack"), SampleIndices = batch.Indices,
            CancellationToken = run.OwnCancellation, Logger = _options.Logger, Shards = _options.AttackShards,
            SearchPrecision = _options.SearchPrecision, FoldBatchNorm = _options.FoldBatchNorm,
            Convolutions = _options.Convolutions,
            Diagnostics = run.Health.ForAttacks(firstStep: run.IsFirstStep(epoch.Moment)),
        },
    });

    private void Report(EpochState epoch, int images, bool atLoggingPoint)
    {
        var isWanted = atLoggingPoint && run.Ranks.FirstSays(run.Report.IsWanted || TrainingInstruments.WantsLoss);
        var mean = isWanted ? epoch.MeanLoss(run.Ranks) : null;
        if (atLoggingPoint) run.Health.CheckLosses(mean);
        if (!run.Ranks.IsFirst) return;
        TrainingInstruments.Step(images);
        if (mean is { } value) TrainingInstruments.Loss(value);
        run.Report.Step(epoch.Moment, mean);
    }

    private void SaveWithin(EpochState epoch)
    {
        if (_options.CheckpointInterval is not { } interval || epoch.Step == epoch.Steps) return;
        // One clock decides for all ranks.
        if (!run.Ranks.FirstSays(run.Report.Elapsed - store.LastSaved >= interval)) return;
        SharedState.Buffers(run);
        run.Health.CheckBeforeSaving();
        var partial = epoch.Save(run.Ranks);
        run.Ranks.AtFirst(() => store.SaveLast(run, partial));
    }

    private void Announce(EpochMetrics metrics)
    {
        TrainerLog.EpochDone(
            _options.Logger, metrics.Epoch, metrics.TrainLoss, metrics.TrainAccuracy, metrics.CleanAccuracy, metrics.RobustAccuracy,
            metrics.LearningRate, metrics.Elapsed);
        if (metrics.Epoch == 0 && metrics.Terms.TryGetValue(LossTerms.Replaced, out var replaced) && replaced > ManyReplaced)
            TrainerLog.ManyReplaced(_options.Logger, replaced, run.Setup.Loss.Name);
        if (metrics.Epoch + 1 == StuckAfterEpochs)
        {
            using var counts = run.Train.Labels.bincount(null);
            using var largest = counts.max();
            var majority = HostRead.Int64(largest) / (double)run.Train.Count;
            if (metrics.TrainAccuracy < majority + 0.02)
                TrainerLog.Stuck(_options.Logger, StuckAfterEpochs, metrics.TrainAccuracy, majority);
        }
        run.Report.EpochEnd(metrics);
    }

    private void Warn()
    {
        var (selection, training) = (_options.SelectionAttack?.Threat, run.Setup.Crafting.OnStudent?.Threat);
        if (selection is not null && training is not null && selection != training)
            TrainerLog.OtherThreat(_options.Logger, selection, training);
        if (_options.Crafting is not null && run.Setup.Crafting.Images.Count == 0)
            TrainerLog.CraftingUnused(_options.Logger, run.Setup.Loss.Name);
        if (_options is { Optimizer: AdamOptimizer, LearningRate: > HighForAdam })
            TrainerLog.HighRate(_options.Logger, _options.LearningRate);
        if (_options.Precision == TrainingPrecision.BFloat16
            && ConvolutionCheck.Find(run.Setup.Student, ScalarType.BFloat16) is { } problem)
            TrainerLog.WrongBFloat16(_options.Logger, problem);
        foreach (var warning in run.Setup.Loss.Warnings) TrainerLog.OfLoss(_options.Logger, run.Setup.Loss.Name, warning);
    }
}

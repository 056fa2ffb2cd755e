using Ardir.Attacks;
using Ardir.Core;

namespace Ardir.Distillation;

/// <summary>
/// Trains a student with any <see cref="IDistillationLoss"/> (ARDIR's Algorithm 1 and its relatives), evaluates it after each
/// epoch, keeps the best and the last weights, and resumes from its last checkpoint when it was killed. On the CPU a resumed run
/// ends bit-equal to an uninterrupted one.
/// </summary>
/// <remarks>The models stay the caller's and are never disposed. The teacher runs in eval mode, without gradient, and its modes
/// are restored when the trainer is disposed. The student is put into train mode unless it already is, so that modules frozen by
/// the caller stay frozen.</remarks>
public sealed class DistillationTrainer : IDisposable
{
    private const int ProgressEvery = 10;
    private const int StuckAfterEpochs = 10;
    private const int MostSkipped = 10;

    private readonly nn.Module<Tensor, Tensor> _student;
    private readonly IModule? _teacher;
    private readonly IModule? _standardTeacher;
    private readonly IDistillationLoss _loss;
    private readonly TrainerOptions _options;
    private readonly CheckpointFiles? _files;
    private readonly TrainingStep _step;
    private Dictionary<string, Tensor>? _best;
    private Dictionary<string, Tensor>? _average;
    private bool _disposed;

    /// <summary>Prepares a run: checks everything and moves the models to the device.</summary>
    /// <param name="student">The model to train: pixels in [0,1] to logits.</param>
    /// <param name="teacher">The model to learn from; null for losses that need none.</param>
    /// <param name="loss">The objective.</param>
    /// <param name="options">Options; the recipe of Rice et al. when null.</param>
    /// <param name="standardTeacher">The second, ordinarily trained teacher of IAD-II and AKD2; null for losses that need none.</param>
    /// <exception cref="ArgumentException">An option is out of range, a teacher or an attack is missing, or a layer does not
    /// exist.</exception>
    public DistillationTrainer(
        nn.Module<Tensor, Tensor> student, IModule? teacher, IDistillationLoss loss, TrainerOptions? options = null,
        IModule? standardTeacher = null)
    {
        ArgumentNullException.ThrowIfNull(student);
        ArgumentNullException.ThrowIfNull(loss);
        (_student, _teacher, _standardTeacher) = (student, teacher, standardTeacher);
        (_loss, _options) = (loss, options ?? new TrainerOptions());
        _options.Validate();
        if ((loss.Needs.Passes & (NetworkPasses.StudentClean | NetworkPasses.StudentAdversarial)) == NetworkPasses.None)
            throw new ArgumentException($"The loss {loss.Name} needs no pass of the student, so it cannot train one.", nameof(loss));
        if (loss.Needs.NeedsTeacher && teacher is null)
            throw new ArgumentNullException(nameof(teacher), $"The loss {loss.Name} needs a teacher.");
        if (loss.Needs.NeedsStandardTeacher && standardTeacher is null)
            throw new ArgumentNullException(
                nameof(standardTeacher), $"The loss {loss.Name} needs a second, ordinarily trained teacher: pass it as standardTeacher.");
        _options = CraftingPlan.Complete(_options, loss, teacher);
        if (!student.parameters().Any(parameter => parameter.requires_grad))
            throw new ArgumentException("The student has no parameter that requires a gradient.", nameof(student));
        if ((SharedModules.Find(student, teacher as nn.Module) ?? SharedModules.Find(student, standardTeacher as nn.Module)) is { } shared)
            throw new ArgumentException(SharedModules.Refusal(shared), nameof(teacher));
        StudentGuard.Precision(student, _options);
        if (_options.Device is { } device)
        {
            student.to(device);
            (teacher as nn.Module)?.to(device);
            (standardTeacher as nn.Module)?.to(device);
        }
        if (loss.Trainable is { } trainable)
        {
            if ((SharedModules.Find(trainable, student)
                ?? SharedModules.Find(trainable, teacher as nn.Module)
                ?? SharedModules.Find(trainable, standardTeacher as nn.Module)) is { } common)
                throw new ArgumentException(
                    $"The loss {loss.Name} trains a module of one of the networks ({common}); " +
                    "IDistillationLoss.Trainable is for parameters of the loss itself.", nameof(loss));
            trainable.to(student.parameters().First().device);
        }
        _files = _options.CheckpointDirectory is { } folder ? new CheckpointFiles(folder) : null;
        _step = new TrainingStep(student, teacher, loss, _options, standardTeacher);
    }

    /// <summary>Trains, or resumes the run in the checkpoint directory. The result of a finished run is returned at once.</summary>
    /// <param name="train">The training set.</param>
    /// <param name="validation">Evaluated after each epoch; without it the last epoch counts as best.</param>
    /// <param name="progress">Receives reports during each epoch, and at its end when its checkpoint is on disk: see
    /// <see cref="TrainingLogs"/> for logs. An exception that it throws ends the run and is thrown by this method; the next call
    /// resumes from the checkpoint.</param>
    /// <param name="cancellationToken">Stops the run; the last checkpoint stays.</param>
    /// <remarks>The checkpoint directory belongs to one run at a time, held by a lock file there. Two simultaneous runs in one
    /// process share libtorch's global generator, which dropout draws from: training a student with dropout is then no longer
    /// repeatable. Everything else is.</remarks>
    /// <returns>Metrics of all epochs. The student holds the last weights and keeps its train mode.</returns>
    /// <exception cref="ArgumentException">A selection attack without a validation set, or a class that the student does not
    /// know.</exception>
    /// <exception cref="InvalidOperationException">The directory holds another run (the message says what differs), or the
    /// training diverged.</exception>
    /// <exception cref="WeightFormatException">The checkpoint is damaged.</exception>
    /// <exception cref="IOException">A checkpoint cannot be written (the one before is intact), or another run is using the
    /// directory.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public TrainingResult Fit(
        ImageDataset train, ImageDataset? validation = null, IProgress<TrainingProgress>? progress = null,
        CancellationToken cancellationToken = default)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        ArgumentNullException.ThrowIfNull(train);
        using var activity = TrainingInstruments.StartFit(_loss, _options, train);
        try
        {
            return NativeCallGuard.OfProcess.Run(_options.Logger, () => FitTraced(train, validation, progress, cancellationToken));
        }
        catch (Exception e) when (ArdirDiagnostics.Failed(activity, e))
        {
            throw;
        }
    }

    private TrainingResult FitTraced(
        ImageDataset train, ImageDataset? validation, IProgress<TrainingProgress>? progress, CancellationToken cancellationToken)
    {
        if (_options.SelectionAttack is not null && validation is null)
            throw new ArgumentException("A selection attack needs a validation set to run on.", nameof(validation));
        cancellationToken.ThrowIfCancellationRequested();
        using var turn = _files?.Lock();
        using var tf32 = new Tf32Scope(_options.AllowTf32);
        using var run = new TrainingRun(
            _student, _teacher, _standardTeacher, _loss, _options, train, validation, progress, cancellationToken);

        // Checked once here instead of in every step. Pixels are bytes, so only labels can be out of range.
        TensorGuard.LabelRange(run.Train.Labels, run.Train.ClassNames.Count, "train.Labels");
        TrainerLog.Starting(
            _options.Logger, _loss.Name, _options.Epochs, train.Count, run.Device.ToString(), _options.BatchSize, _options.Seed);
        Warn();
        Resume(run);
        run.FirstEpoch = run.Epochs.Count;
        run.History = [.. run.Epochs];
        if (run.Epochs.Count > 0) run.Tell(TrainingPhase.Resume, run.Epochs.Count - 1, 0, 0, null);
        if (!_student.training) _student.train();
        _loss.Trainable?.train();
        while (run.Epochs.Count < _options.Epochs)
        {
            using var activity = TrainingInstruments.StartEpoch(run.Epochs.Count);
            var trained = Train(run, run.Epochs.Count);
            if (DivergedRun.Found(_student, run)) throw DivergedRun.Error(trained.Epoch, student: _student);
            var metrics = EvaluateAverage(run, Evaluate(run, trained));
            run.Epochs.Add(metrics);
            run.History = [.. run.Epochs];
            if (validation is null || run.Epochs.Count == 1 || metrics.Selection > run.Epochs[run.Best].Selection)
                run.Best = metrics.Epoch;
            Save(run);
            KeepAverage(run);
            TrainingInstruments.EpochDone(activity, metrics);
            Announce(run, metrics);
        }
        KeepAverage(run);
        return new TrainingResult { Epochs = run.Epochs, Best = run.Epochs[run.Best] };
    }

    /// <summary>Puts the weights and buffers of the best epoch into the student.</summary>
    /// <exception cref="InvalidOperationException">Nothing has been trained yet.</exception>
    /// <exception cref="WeightFormatException">The checkpoint is damaged.</exception>
    public void RestoreBest()
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        if (_best is not null)
        {
            StudentState.Load(_student, _best, "the best epoch");
            return;
        }
        if (_files is null || !File.Exists(_files.Best))
            throw new InvalidOperationException(
                $"There is no best epoch yet{(_files is null ? "" : $" in '{_files.Best}'")}; call Fit first.");
        var (_, tensors) = TrainingCheckpoint.Read(_files.Best);
        using (tensors) StudentState.Load(_student, tensors.Student, _files.Best);
    }

    /// <summary>Puts the averaged weights of the last <see cref="Fit"/>, with their batch-norm statistics, into the student.</summary>
    /// <exception cref="InvalidOperationException">There is no average: <see cref="TrainerOptions.WeightAveraging"/> is not set,
    /// or its first epoch was not reached.</exception>
    public void RestoreAverage()
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        if (_average is null)
            throw new InvalidOperationException(
                $"There is no average of weights. WeightAveraging is {_options.WeightAveraging?.ToString() ?? "not set"}; " +
                "call Fit for more epochs than its StartEpoch first.");
        StudentState.Load(_student, _average, "the average");
    }

    /// <summary>Releases what the trainer holds. Student, teacher and data sets are the caller's and stay.</summary>
    public void Dispose()
    {
        if (_disposed) return;
        _disposed = true;
        _step.Dispose();
        Release(_best);
        Release(_average);
    }

    private EpochMetrics Train(TrainingRun run, int epoch)
    {
        var started = run.Clock.Elapsed;
        var seed = SeedMixer.Mix(_options.Seed, (ulong)epoch);
        var batches = Batches(run, _options.Seed);
        using var totals = new EpochTotals();
        using var watch = new LossWatch(run.Device);
        var partial = run.Partial ?? new PartialEpoch { Step = 0, Skipped = 0, Elapsed = TimeSpan.Zero, Sums = [] };
        run.Partial = null;
        totals.Load(partial.Sums, run.Device);
        var atOnce = epoch == run.FirstEpoch ? partial.Step : -1;
        var (step, steps, skipped, skippedInARow, rate) = (partial.Step, batches.Count, partial.Skipped, 0, 0.0);
        foreach (var batch in batches.Epoch(epoch, skip: partial.Step))
        {
            using var scope = NewDisposeScope();
            run.Cancellation.ThrowIfCancellationRequested();
            rate = LearningRate.At(_options, new TrainingMoment(epoch, _options.Epochs, step, steps));
            foreach (var group in run.Optimizer.ParamGroups) group.LearningRate = rate;
            run.Random.Reseed(SeedMixer.Mix(SeedMixer.Mix(seed, "global"), (ulong)step));
            var context = ContextOf(run, batch, seed, throwAtOnce: step == atOnce);
            var atPoint = step % ProgressEvery == 0 || step == steps - 1;
            try
            {
                using var known = new CheckedBatch(batch.Images, batch.Labels, run.Train.ClassNames.Count);
                if (_step.Run(batch.Images, batch.Labels, run.Optimizer, totals, context, epoch, run.Masters, watch, step))
                    skippedInARow = 0;
                else (skipped, skippedInARow) = (skipped + 1, skippedInARow + 1);
                if (atPoint) run.Soundness.Read(_options.Logger);
            }
            catch (InvalidOperationException e) when ((step > 0 || epoch > run.FirstEpoch) && DivergedRun.Found(_student, run))
            {
                throw DivergedRun.Error(epoch, cause: e, batch: BadBatch(batches, epoch, watch.Read()), student: _student);
            }
            if (skippedInARow == 1) TrainerLog.Skipping(_options.Logger, epoch, step);
            if (skippedInARow == MostSkipped)
                throw DivergedRun.Error(epoch, double.NaN, batch: BadBatch(batches, epoch, step), student: _student);
            if (skippedInARow == 0) run.Average?.AfterStep(_student, run.Masters, epoch);

            double? mean = atPoint && totals.Any && (run.Progress is not null || TrainingInstruments.WantsLoss) ? totals.MeanLoss() : null;
            // A finite mean has only finite parts, so the watch is not read then: every reading waits for the device.
            if (atPoint && !(mean is { } finite && double.IsFinite(finite)) && watch.Read() is { } bad)
                throw DivergedRun.Error(epoch, double.NaN, batch: BadBatch(batches, epoch, bad));
            TrainingInstruments.Step(batch.Indices.Count);
            if (mean is { } value) TrainingInstruments.Loss(value);
            run.Tell(TrainingPhase.Train, epoch, ++step, steps, mean);
            if (_options.CheckpointInterval is { } interval && step < steps && run.Clock.Elapsed - run.Saved >= interval)
            {
                EnsureNumbers(run, batches, watch, epoch);
                var elapsed = partial.Elapsed + run.Clock.Elapsed - started;
                SaveLast(run, new PartialEpoch { Step = step, Skipped = skipped, Elapsed = elapsed, Sums = totals.Save() });
            }
        }
        if (!totals.Any) throw DivergedRun.Error(epoch, double.NaN, batch: BadBatch(batches, epoch, steps - 1), student: _student);
        var loss = totals.MeanLoss();
        if (!double.IsFinite(loss)) throw DivergedRun.Error(epoch, loss, batch: BadBatch(batches, epoch, watch.Read()));
        return new EpochMetrics
        {
            Epoch = epoch, LearningRate = rate, TrainLoss = loss, TrainAccuracy = totals.Accuracy(), Terms = totals.Terms(),
            SkippedSteps = skipped, Elapsed = partial.Elapsed + run.Clock.Elapsed - started,
        };
    }

    // With a null Soundness an attack throws as soon as it notices a broken student, before the step changes the weights. In all
    // other steps that is reported at the next logging point, because reading it waits for the device.
    private AttackContext ContextOf(TrainingRun run, ImageBatch batch, ulong seed, bool throwAtOnce) => new()
    {
        Seed = SeedMixer.Mix(seed, "attack"), SampleIndices = batch.Indices, CancellationToken = run.Cancellation, Logger = _options.Logger,
        Soundness = throwAtOnce && _options.NonFiniteLoss != NonFiniteLoss.Skip ? null : run.Soundness,
    };

    // A run cannot resume from non-finite weights, and saving them would overwrite the intact checkpoint.
    private void EnsureNumbers(TrainingRun run, ImageBatches batches, LossWatch watch, int epoch)
    {
        if (watch.Read() is { } bad) throw DivergedRun.Error(epoch, double.NaN, batch: BadBatch(batches, epoch, bad));
        if (DivergedRun.Found(_student, run)) throw DivergedRun.Error(epoch, student: _student);
    }

    private ImageBatches Batches(TrainingRun run, ulong seed) => new(run.Train, new ImageBatchOptions
    {
        BatchSize = _options.BatchSize, Augmentation = _options.Augmentation, Seed = seed, DType = run.DType, Device = run.Device,
    });

    // Batches depend only on seed, epoch and step, so the one at fault can be drawn again after it was detected.
    private string? BadBatch(ImageBatches batches, int epoch, int? step)
    {
        if (_files is null || step is not { } at) return null;
        foreach (var batch in batches.Epoch(epoch, skip: at))
        {
            using var scope = NewDisposeScope();
            var tensors = new Dictionary<string, Tensor>
            {
                ["images"] = batch.Images,
                ["labels"] = batch.Labels,
                ["indices"] = tensor(batch.Indices.ToArray(), device: batch.Labels.device),
            };
            var facts = new Dictionary<string, string> { ["epoch"] = $"{epoch}", ["step"] = $"{at}", ["loss"] = $"{_loss.Name} {_loss}" };
            CheckpointFiles.Write(_files.BadBatch, () => SafetensorsFile.Write(_files.BadBatch, tensors, facts));
            return _files.BadBatch;
        }
        return null;
    }

    private EpochMetrics Evaluate(TrainingRun run, EpochMetrics trained)
    {
        if (run.Validation is null) return trained;
        var started = run.Clock.Elapsed;
        var result = Measure(run, trained.Epoch);
        return trained with
        {
            CleanAccuracy = result.CleanAccuracy,
            RobustAccuracy = _options.SelectionAttack is null ? null : result.RobustAccuracy,
            Elapsed = trained.Elapsed + run.Clock.Elapsed - started,
        };
    }

    /// <summary>Adds the epoch's weights to the average, measures the average's batch-norm statistics and evaluates it.</summary>
    private EpochMetrics EvaluateAverage(TrainingRun run, EpochMetrics metrics)
    {
        if (run.Average is not { } average) return metrics;
        var started = run.Clock.Elapsed;
        var renewed = average.AfterEpoch(_student, run.Masters, metrics.Epoch);
        if (average.Count == 0) return metrics;
        using var swap = new WeightSwap(_student, average.Values);
        if (renewed && BatchNormStatistics.Any(_student))
        {
            var batches = Batches(run, SeedMixer.Mix(_options.Seed, "averaging"));
            BatchNormStatistics.Measure(run.Network, batches.Epoch(metrics.Epoch), run.Cancellation);
            average.TakeBuffers(_student);
        }
        if (run.Validation is null) return metrics with { Elapsed = metrics.Elapsed + run.Clock.Elapsed - started };
        var result = Measure(run, metrics.Epoch);
        return metrics with
        {
            AverageCleanAccuracy = result.CleanAccuracy,
            AverageRobustAccuracy = _options.SelectionAttack is null ? null : result.RobustAccuracy,
            Elapsed = metrics.Elapsed + run.Clock.Elapsed - started,
        };
    }

    private RobustnessResult Measure(TrainingRun run, int epoch)
    {
        var validation = run.Validation!;
        var size = Math.Min(_options.EvaluationBatchSize, validation.Count);
        var batches = (validation.Count + size - 1) / size;
        var done = new Relay(images => run.Tell(TrainingPhase.Evaluate, epoch, (images + size - 1) / size, batches, null));
        var context = new AttackContext
        {
            Seed = SeedMixer.Mix(_options.Seed, "selection"), CancellationToken = run.Cancellation, Logger = _options.Logger,
        };
        var options = new EvaluationOptions { BatchSize = _options.EvaluationBatchSize, Context = context, Progress = done };
        return RobustnessEvaluator.Evaluate(run.Network, validation, run.Device, _options.SelectionAttack, options, ProbeDepth.Doubts);
    }

    private void Resume(TrainingRun run)
    {
        if (_files is null) return;
        if (!File.Exists(_files.Last))
        {
            // Saves the untrained student, so that a run stopped in its first epoch starts again from the same weights, and a
            // folder that cannot be written is noticed before training.
            SaveLast(run, partial: null);
            return;
        }
        var (checkpoint, tensors) = TrainingCheckpoint.Read(_files.Last);
        using (tensors)
        {
            Core.Identity.EnsureSame(
                checkpoint.Identity, run.Identity, _files.Last, "Choose another CheckpointDirectory or delete the file.");
            // Weights saved within an epoch are not those of any epoch's end, so they cannot be the last weights of a run that
            // ends before it.
            var (done, begun) = (checkpoint.Epochs.Count, checkpoint.Partial is null ? 0 : 1);
            if (done + begun > _options.Epochs)
                throw new InvalidOperationException(
                    $"The run in '{_options.CheckpointDirectory}' has {done} epochs{(begun == 0 ? "" : " and a part of the next")} " +
                    $"already; Epochs is {_options.Epochs}. Set it to at least {done + begun}, or choose another directory.");
            if (checkpoint.Partial?.Fault((run.Train.Count + _options.BatchSize - 1) / _options.BatchSize, _options.BatchSize) is { } fault)
                throw new WeightFormatException($"{_files.Last}: the training state is damaged ({fault}).");
            // The optimiser belongs to this run. The student is the caller's, so it changes only after everything else has been accepted.
            StudentState.LoadMomentum(_student, run.Optimizer, tensors.Momentum, _files.Last);
            run.Loss.LoadMomentum(tensors.Loss, _files.Last);
            run.Average?.Load(tensors.Average, checkpoint.AverageCount, _student, _files.Last);
            run.Load(tensors.Student, _files.Last);
            run.Loss.Load(tensors.Loss, _files.Last);
        }
        TrainerLog.Resuming(_options.Logger, checkpoint.Epochs.Count, _files.Last);
        (run.Epochs, run.Best, run.Partial) = (checkpoint.Epochs, checkpoint.Best, checkpoint.Partial);
    }

    private void Save(TrainingRun run)
    {
        var isBest = run.Best == run.Epochs.Count - 1;
        if (_files is null)
        {
            if (!isBest) return;
            Release(_best);
            _best = StudentState.Copies(run.State());
            return;
        }
        // The best weights are written first: a run that is killed between the two writes repeats this epoch and writes the same
        // best weights again.
        if (isBest)
            CheckpointFiles.Write(_files.Best, () => Checkpoint(run, null).Write(_files.Best, new CheckpointTensors(
                run.State(), CheckpointTensors.None, CheckpointTensors.None, run.Loss.Collect(withMomentum: false))));
        SaveLast(run, partial: null);
    }

    private void SaveLast(TrainingRun run, PartialEpoch? partial)
    {
        var tensors = new CheckpointTensors(
            run.State(),
            StudentState.Momentum(_student, run.Optimizer),
            run.Average?.Values ?? CheckpointTensors.None,
            run.Loss.Collect(withMomentum: true));
        CheckpointFiles.Write(_files!.Last, () => Checkpoint(run, partial).Write(_files.Last, tensors));
        run.Saved = run.Clock.Elapsed;
    }

    private static TrainingCheckpoint Checkpoint(TrainingRun run, PartialEpoch? partial) => new()
    {
        Format = TrainingCheckpoint.CurrentFormat,
        Library = typeof(DistillationTrainer).Assembly.GetName().Version!.ToString(),
        Identity = run.Identity,
        Epochs = run.Epochs,
        Best = run.Best,
        Partial = partial,
        AverageCount = run.Average?.Count ?? 0,
    };

    private void KeepAverage(TrainingRun run)
    {
        if (run.Average is not { Count: > 0 } average) return;
        Release(_average);
        _average = StudentState.Copies(average.Values);
    }

    private void Announce(TrainingRun run, EpochMetrics metrics)
    {
        TrainerLog.EpochDone(
            _options.Logger, metrics.Epoch, metrics.TrainLoss, metrics.TrainAccuracy, metrics.CleanAccuracy, metrics.RobustAccuracy,
            metrics.LearningRate, metrics.Elapsed);
        if (metrics.Epoch + 1 == StuckAfterEpochs)
        {
            using var counts = run.Train.Labels.bincount(null);
            using var largest = counts.max();
            var majority = HostRead.Int64(largest) / (double)run.Train.Count;
            if (metrics.TrainAccuracy < majority + 0.02)
                TrainerLog.Stuck(_options.Logger, StuckAfterEpochs, metrics.TrainAccuracy, majority);
        }
        run.Tell(TrainingPhase.EpochEnd, metrics.Epoch, 1, 1, metrics.TrainLoss, metrics);
    }

    private void Warn()
    {
        if (_files is not null) RunIdentity.WarnOfHidden(_options, _loss);
        if (_loss is not ArdirLoss { Options: var ardir }) return;
        if (ardir.Beta == 1) TrainerLog.NoLabels(_options.Logger);
        if (ardir.TeacherData == TeacherData.CleanAdversarial) TrainerLog.CleanAdversarial(_options.Logger);
    }

    private static void Release(Dictionary<string, Tensor>? tensors)
    {
        if (tensors is null) return;
        foreach (var tensor in tensors.Values) tensor.Dispose();
    }
}

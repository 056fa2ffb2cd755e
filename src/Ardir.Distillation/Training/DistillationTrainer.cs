using System.Diagnostics;
using Ardir.Attacks;
using Ardir.Core;
using TorchSharp.Modules;

namespace Ardir.Distillation;

/// <summary>
/// Trains a student with any <see cref="IDistillationLoss"/> (ARDIR's Algorithm 1 and its relatives), evaluates after each epoch, keeps the best
/// and the last weights, and goes on where it was when it is killed. On the CPU a resumed run ends bit-equal to an uninterrupted one.
/// </summary>
/// <remarks>The models stay the caller's and are never disposed. The teacher runs in eval mode, without gradient. The student is put into train
/// mode unless it already is, so that modules frozen by the caller stay frozen.</remarks>
public sealed class DistillationTrainer : IDisposable
{
    private const int ProgressEvery = 10;
    private const int StuckAfterEpochs = 10;

    private readonly nn.Module<Tensor, Tensor> _student;
    private readonly IModule? _teacher;
    private readonly IModule? _standardTeacher;
    private readonly IDistillationLoss _loss;
    private readonly TrainerOptions _options;
    private readonly TrainingStep _step;
    private Dictionary<string, Tensor>? _best;
    private bool _disposed;

    /// <summary>Prepares a run: checks everything and moves the models to the device.</summary>
    /// <param name="student">The model to train: pixels in [0,1] to logits.</param>
    /// <param name="teacher">The model to learn from; null for losses that need none.</param>
    /// <param name="loss">The objective.</param>
    /// <param name="options">Options; the recipe of Rice et al. when null.</param>
    /// <param name="standardTeacher">The second, ordinarily trained teacher of IAD-II and AKD2; null for losses that need none.</param>
    /// <exception cref="ArgumentException">An option is out of range, a teacher or an attack is missing, or a layer does not exist.</exception>
    public DistillationTrainer(nn.Module<Tensor, Tensor> student, IModule? teacher, IDistillationLoss loss, TrainerOptions? options = null, IModule? standardTeacher = null)
    {
        ArgumentNullException.ThrowIfNull(student);
        ArgumentNullException.ThrowIfNull(loss);
        (_student, _teacher, _standardTeacher, _loss, _options) = (student, teacher, standardTeacher, loss, options ?? new TrainerOptions());
        _options.Validate();
        if ((loss.Needs.Passes & (NetworkPasses.StudentClean | NetworkPasses.StudentAdversarial)) == NetworkPasses.None) throw new ArgumentException($"The loss {loss.Name} needs no pass of the student, so it cannot train one.", nameof(loss));
        if (loss.Needs.NeedsTeacher && teacher is null) throw new ArgumentNullException(nameof(teacher), $"The loss {loss.Name} needs a teacher.");
        if (loss.Needs.NeedsStandardTeacher && standardTeacher is null) throw new ArgumentNullException(nameof(standardTeacher), $"The loss {loss.Name} needs a second, ordinarily trained teacher: pass it as standardTeacher.");
        _options = CraftingPlan.Complete(_options, loss, teacher);
        if (!student.parameters().Any(parameter => parameter.requires_grad)) throw new ArgumentException("The student has no parameter that requires a gradient.", nameof(student));
        if ((SharedModule(student, teacher) ?? SharedModule(student, standardTeacher)) is { } shared) throw new ArgumentException($"Student and teacher are the same module or share one ({shared}). The teacher must stay as it is while the student learns: give it modules of its own.", nameof(teacher));
        if (_options.Device is { } device)
        {
            student.to(device);
            (teacher as nn.Module)?.to(device);
            (standardTeacher as nn.Module)?.to(device);
        }
        if (loss.Trainable is { } trainable)
        {
            if ((SharedModule(trainable, student) ?? SharedModule(trainable, teacher) ?? SharedModule(trainable, standardTeacher)) is { } common)
                throw new ArgumentException($"The loss {loss.Name} trains a module of one of the networks ({common}); IDistillationLoss.Trainable is for parameters of the loss itself.", nameof(loss));
            trainable.to(student.parameters().First().device);
        }
        _step = new TrainingStep(student, teacher, loss, _options, standardTeacher);
    }

    /// <summary>Trains, or goes on with the run in the checkpoint directory. A finished run comes back at once.</summary>
    /// <param name="train">The training set.</param>
    /// <param name="validation">Evaluated after each epoch; without it the last epoch counts as best.</param>
    /// <param name="progress">Told now and then, and at the end of each epoch.</param>
    /// <param name="cancellationToken">Stops the run; the checkpoint of the last full epoch stays.</param>
    /// <returns>Metrics of all epochs. The student holds the last weights and keeps its train mode.</returns>
    /// <exception cref="ArgumentException">A selection attack without a validation set, or a class that the student does not know.</exception>
    /// <exception cref="InvalidOperationException">The directory holds another run (the message says what differs), or the training diverged.</exception>
    /// <exception cref="WeightFormatException">The checkpoint is damaged.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public TrainingResult Fit(ImageDataset train, ImageDataset? validation = null, IProgress<TrainingProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        ArgumentNullException.ThrowIfNull(train);
        if (_options.SelectionAttack is not null && validation is null)
            throw new ArgumentException("A selection attack needs a validation set to run on.", nameof(validation));
        cancellationToken.ThrowIfCancellationRequested();
        var device = _options.Device ?? _student.parameters().First().device;
        using var moved = new MovedData(train, validation, device);
        using var optimizer = optim.SGD(Trained().ToArray(), _options.LearningRate, _options.Momentum, weight_decay: _options.WeightDecay);
        using var random = new GlobalRandomScope();
        var run = new Run(moved.Train, moved.Validation, optimizer, random, progress, Stopwatch.StartNew(),
            RunIdentity.Of(_options, _loss, _student, _teacher, _standardTeacher, moved.Train, moved.Validation), cancellationToken);

        TrainerLog.Starting(_options.Logger, _loss.Name, _options.Epochs, train.Count, device.ToString(), _options.BatchSize, _options.Seed);
        Warn();
        var epochs = Resume(run, out var best);
        if (epochs.Count > _options.Epochs)
            throw new InvalidOperationException($"The run in '{_options.CheckpointDirectory}' has {epochs.Count} epochs already; Epochs is {_options.Epochs}. Set it to at least that, or choose another directory.");
        run.FirstEpoch = epochs.Count;
        if (!_student.training) _student.train();
        _loss.Trainable?.train();
        while (epochs.Count < _options.Epochs)
        {
            var trained = Train(run, epochs.Count);
            if (HasDiverged(run.Train)) throw Diverged(trained.Epoch);
            var metrics = Evaluate(run, trained);
            epochs.Add(metrics);
            if (validation is null || epochs.Count == 1 || metrics.Selection > epochs[best].Selection) best = metrics.Epoch;
            Save(run, epochs, best);
            Announce(run, metrics, moved.Train);
        }
        return new TrainingResult { Epochs = epochs, Best = epochs[best] };
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
        if (BestPath is null || !File.Exists(BestPath)) throw new InvalidOperationException($"There is no best epoch yet{(BestPath is null ? "" : $" in '{BestPath}'")}; call Fit first.");
        var (_, student, momentum, loss) = TrainingCheckpoint.Read(BestPath);
        try
        {
            StudentState.Load(_student, student, BestPath);
        }
        finally
        {
            Release(student, momentum, loss);
        }
    }

    /// <summary>Releases what the trainer holds. Student, teacher and data sets are the caller's and stay.</summary>
    public void Dispose()
    {
        if (_disposed) return;
        _disposed = true;
        _step.Dispose();
        if (_best is not null) Release(_best);
    }

    private IEnumerable<TorchSharp.Modules.Parameter> Trained() => _student.parameters().Concat(_loss.Trainable?.parameters() ?? []).Where(parameter => parameter.requires_grad);

    private string? LastPath => _options.CheckpointDirectory is { } folder ? Path.Combine(folder, "last.safetensors") : null;

    private string? BestPath => _options.CheckpointDirectory is { } folder ? Path.Combine(folder, "best.safetensors") : null;

    private EpochMetrics Train(Run run, int epoch)
    {
        var started = run.Clock.Elapsed;
        var seed = SeedMixer.Mix(_options.Seed, (ulong)epoch);
        var batches = new ImageBatches(run.Train, new ImageBatchOptions
        {
            BatchSize = _options.BatchSize, Augmentation = _options.Augmentation, Seed = _options.Seed, DType = _student.parameters().First().dtype,
        });
        var (step, steps) = (0, batches.Count);
        using var totals = new EpochTotals();
        var rate = 0.0;
        foreach (var batch in batches.Epoch(epoch))
        {
            using var scope = NewDisposeScope();
            run.Cancellation.ThrowIfCancellationRequested();
            rate = LearningRateSchedule.At(_options, epoch, step, steps);
            foreach (var group in run.Optimizer.ParamGroups) group.LearningRate = rate;
            run.Random.Reseed(SeedMixer.Mix(SeedMixer.Mix(seed, "global"), (ulong)step));
            var context = new AttackContext
            {
                Seed = SeedMixer.Mix(seed, "attack"), SampleIndices = batch.Indices, CancellationToken = run.Cancellation, Logger = _options.Logger,
            };
            try
            {
                _step.Run(batch.Images, batch.Labels, run.Optimizer, totals, context, epoch);
            }
            catch (InvalidOperationException e) when ((step > 0 || epoch > run.FirstEpoch) && HasDiverged(run.Train))
            {
                throw Diverged(epoch, cause: e);
            }
            var read = run.Progress is not null && (step % ProgressEvery == 0 || step == steps - 1);
            Tell(run, TrainingPhase.Train, epoch, ++step, steps, read ? totals.MeanLoss() : null);
        }
        var loss = totals.MeanLoss();
        if (!double.IsFinite(loss)) throw Diverged(epoch, loss);
        return new EpochMetrics
        {
            Epoch = epoch, LearningRate = rate, TrainLoss = loss, TrainAccuracy = totals.Accuracy(), Terms = totals.Terms(), Elapsed = run.Clock.Elapsed - started,
        };
    }

    private static InvalidOperationException Diverged(int epoch, double? loss = null, Exception? cause = null) => new(
        $"{(loss is null ? "Weights or logits of the student became NaN or infinite" : $"The training loss became {loss}")} in epoch {epoch}. The checkpoint of the epoch before is intact. Lower the learning rate or set WarmupEpochs.", cause);

    // Exploded weights may be finite still; their logits are not.
    private bool HasDiverged(ImageDataset data)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        if (_student.parameters().Any(parameter => !parameter.isfinite().all().ToBoolean())) return true;
        using var evaluation = new EvaluationModeScope(_student);
        var (images, _) = data.Batch([.. Enumerable.Range(0, Math.Min(16, data.Count)).Select(i => (long)i)], _student.parameters().First().dtype);
        return !_student.call(images).isfinite().all().ToBoolean();
    }

    private static string? SharedModule(nn.Module student, IModule? teacher)
    {
        if (teacher is not nn.Module other) return null;
        var own = new HashSet<nn.Module>(student.modules().Prepend(student), ReferenceEqualityComparer.Instance);
        return other.modules().Prepend(other).FirstOrDefault(own.Contains)?.GetName();
    }

    private EpochMetrics Evaluate(Run run, EpochMetrics trained)
    {
        if (run.Validation is not { } validation) return trained;
        var started = run.Clock.Elapsed;
        var size = Math.Min(_options.EvaluationBatchSize, validation.Count);
        var batches = (validation.Count + size - 1) / size;
        var done = new Progress(images => Tell(run, TrainingPhase.Evaluate, trained.Epoch, (images + size - 1) / size, batches, null));
        var context = new AttackContext { Seed = SeedMixer.Mix(_options.Seed, "selection"), CancellationToken = run.Cancellation, Logger = _options.Logger };
        var result = RobustnessEvaluator.Evaluate(_student, validation, _options.SelectionAttack, _options.EvaluationBatchSize, context, done);
        return trained with
        {
            CleanAccuracy = result.CleanAccuracy,
            RobustAccuracy = _options.SelectionAttack is null ? null : result.RobustAccuracy,
            Elapsed = trained.Elapsed + run.Clock.Elapsed - started,
        };
    }

    private List<EpochMetrics> Resume(Run run, out int best)
    {
        best = 0;
        if (LastPath is not { } path) return [];
        if (!File.Exists(path))
        {
            // The untrained student: a run stopped in its first epoch begins again where it began, and a folder that cannot be written is noticed now.
            SaveTo(path, run, [], best: 0);
            return [];
        }
        var (checkpoint, student, momentum, loss) = TrainingCheckpoint.Read(path);
        try
        {
            Core.Identity.EnsureSame(checkpoint.Identity, run.Identity, path, "Choose another CheckpointDirectory or delete the file.");
            // The optimiser is this run's own; the student, which is the caller's, changes only when all else has been accepted.
            StudentState.LoadMomentum(_student, run.Optimizer, momentum, path);
            var own = new LossState(_loss.Trainable, _student, run.Optimizer);
            own.LoadMomentum(loss, path);
            StudentState.Load(_student, student, path);
            own.Load(loss, path);
        }
        finally
        {
            Release(student, momentum, loss);
        }
        TrainerLog.Resuming(_options.Logger, checkpoint.Epochs.Count, path);
        best = checkpoint.Best;
        return checkpoint.Epochs;
    }

    private void Save(Run run, List<EpochMetrics> epochs, int best)
    {
        var isBest = best == epochs.Count - 1;
        if (LastPath is null)
        {
            if (!isBest) return;
            if (_best is not null) Release(_best);
            using var scope = NewDisposeScope();
            using var noGrad = no_grad();
            _best = _student.state_dict().ToDictionary(pair => pair.Key, pair => pair.Value.detach().clone().DetachFromDisposeScope());
            return;
        }
        // The best first: killed between the two, the run repeats this epoch and writes the same best again.
        if (isBest) SaveTo(BestPath!, run, epochs, best, withMomentum: false);
        SaveTo(LastPath, run, epochs, best);
    }

    private void SaveTo(string path, Run run, List<EpochMetrics> epochs, int best, bool withMomentum = true)
    {
        var checkpoint = new TrainingCheckpoint
        {
            Format = TrainingCheckpoint.CurrentFormat,
            Library = typeof(DistillationTrainer).Assembly.GetName().Version!.ToString(),
            Identity = run.Identity,
            Epochs = epochs,
            Best = best,
        };
        try
        {
            checkpoint.Write(path, _student.state_dict(), withMomentum ? StudentState.Momentum(_student, run.Optimizer) : new Dictionary<string, Tensor>(),
                new LossState(_loss.Trainable, _student, run.Optimizer).Collect(withMomentum));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new IOException($"The checkpoint '{path}' cannot be written: {e.Message} Check TrainerOptions.CheckpointDirectory and the free space; what was there before is intact.", e);
        }
    }

    private void Announce(Run run, EpochMetrics metrics, ImageDataset train)
    {
        TrainerLog.EpochDone(_options.Logger, metrics.Epoch, metrics.TrainLoss, metrics.TrainAccuracy, metrics.CleanAccuracy, metrics.RobustAccuracy, metrics.LearningRate, metrics.Elapsed);
        if (metrics.Epoch + 1 == StuckAfterEpochs)
        {
            using var counts = train.Labels.bincount(null);
            using var largest = counts.max();
            var majority = largest.ToInt64() / (double)train.Count;
            if (metrics.TrainAccuracy < majority + 0.02) TrainerLog.Stuck(_options.Logger, StuckAfterEpochs, metrics.TrainAccuracy, majority);
        }
        Tell(run, TrainingPhase.EpochEnd, metrics.Epoch, 1, 1, metrics.TrainLoss, metrics);
    }

    private void Warn()
    {
        if (_loss is not ArdirLoss { Options: var ardir }) return;
        if (ardir.Beta == 1) TrainerLog.NoLabels(_options.Logger);
        if (ardir.TeacherData == TeacherData.CleanAdversarial) TrainerLog.CleanAdversarial(_options.Logger);
    }

    private void Tell(Run run, TrainingPhase phase, int epoch, int step, int steps, double? loss, EpochMetrics? metrics = null)
    {
        if (run.Progress is null) return;
        // Epochs count whole; inside one, the training steps stand for all of it, which errs a little on the long side.
        var done = epoch - run.FirstEpoch + (phase == TrainingPhase.Train ? step / (double)steps : 1);
        var elapsed = run.Clock.Elapsed;
        run.Progress.Report(new TrainingProgress
        {
            Phase = phase, Epoch = epoch, Epochs = _options.Epochs, Step = step, Steps = steps, Loss = loss, Elapsed = elapsed, Metrics = metrics,
            Remaining = done > 0 ? elapsed * ((_options.Epochs - run.FirstEpoch - done) / done) : null,
        });
    }

    private static void Release(params Dictionary<string, Tensor>[] parts)
    {
        foreach (var part in parts)
            foreach (var tensor in part.Values) tensor.Dispose();
    }

    /// <summary>What one call of Fit works with.</summary>
    private sealed record Run(
        ImageDataset Train, ImageDataset? Validation, SGD Optimizer, GlobalRandomScope Random, IProgress<TrainingProgress>? Progress,
        Stopwatch Clock, Dictionary<string, string> Identity, CancellationToken Cancellation)
    {
        public int FirstEpoch { get; set; }
    }

    // System.Progress<T> posts to another thread; evaluation progress must arrive in order.
    private sealed class Progress(Action<int> report) : IProgress<int>
    {
        public void Report(int value) => report(value);
    }
}

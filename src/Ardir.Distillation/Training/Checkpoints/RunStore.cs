using Ardir.Core;

namespace Ardir.Distillation;

/// <summary>Keeps the checkpoints of a trainer's runs: in a folder if it has one, otherwise the best weights in memory. The average of the
/// weights is in memory, too.</summary>
internal sealed class RunStore(string? folder) : IDisposable
{
    private readonly CheckpointFiles? _files = folder is null ? null : new CheckpointFiles(folder);
    private Dictionary<string, Tensor>? _best;
    private Dictionary<string, Tensor>? _average;
    private Dictionary<string, Tensor>? _last;

    public bool IsOnDisk => _files is not null;

    /// <summary>The checkpoint that a run resumes from; null without a folder.</summary>
    public string? LastPath => _files?.Last;

    /// <summary>Whether there is one.</summary>
    public bool HasRun => File.Exists(LastPath);

    /// <summary>When <c>last.safetensors</c> was written, on the clock of the run.</summary>
    public TimeSpan LastSaved { get; private set; }

    /// <summary>Holds the folder for one run at a time.</summary>
    /// <exception cref="IOException">Another run holds it.</exception>
    public RunLock? Lock() => _files?.Lock();

    /// <summary>Brings a new run to where its last checkpoint was written. Without one it saves the untrained student, so that a run that
    /// is stopped in its first epoch starts again from the same weights, and a folder that cannot be written is noticed before
    /// training.</summary>
    public void Resume(TrainingRun run)
    {
        LastSaved = TimeSpan.Zero;
        if (_files is null) return;
        _files.RefuseFolders();
        if (!File.Exists(_files.Last))
        {
            SaveLast(run, partial: null);
            return;
        }
        Load(run, _files.Last);
        TrainerLog.Resuming(run.Options.Logger, run.Epochs.Count, _files.Last);
    }

    /// <summary>Brings a new run to where a checkpoint was written.</summary>
    public static void Load(TrainingRun run, string path)
    {
        var (checkpoint, tensors) = TrainingCheckpoint.Read(path);
        using (tensors)
        {
            Refuse(checkpoint, run, path);
            // The optimiser belongs to this run. The student is the caller's, so it changes only after everything else has been accepted.
            var loss = LossOf(run);
            SavedOptimizer.Load(run.Optimizer, run.Optimizer.Student, tensors.Optimizer, (path, "student"));
            loss.LoadOptimizer(tensors.Loss, path);
            run.Average?.Load(tensors.Average, checkpoint.AverageCount, run.Setup.Student, path);
            run.Weights.Load(tensors.Student, path);
            loss.Load(tensors.Loss, path);
        }
        run.ResumeFrom(checkpoint);
    }

    /// <summary>Saves a run at the end of an epoch.</summary>
    public void Save(TrainingRun run)
    {
        var isBest = run.Best == run.Epochs.Count - 1;
        if (_files is null)
        {
            if (isBest) Keep(ref _best, run.Weights.State());
        }
        else
        {
            // The best weights are written first: a run that is killed between the two writes repeats this epoch and writes the same
            // best weights again.
            if (isBest)
                Write(_files.Best, Checkpoint(run, null), new CheckpointTensors(
                    run.Weights.State(), CheckpointTensors.None, CheckpointTensors.None, LossOf(run).Collect(withOptimizer: false)));
            SaveLast(run, partial: null);
        }
        KeepAverage(run);
    }

    /// <summary>Saves a run as it is now.</summary>
    public void SaveLast(TrainingRun run, PartialEpoch? partial)
    {
        // Ends before the run continues: an optimiser's state may be copied to be saved.
        using var scope = NewDisposeScope();
        Write(_files!.Last, Checkpoint(run, partial), new CheckpointTensors(
            run.Weights.State(),
            SavedOptimizer.Save(run.Optimizer, run.Optimizer.Student),
            run.Average?.Values ?? CheckpointTensors.None,
            LossOf(run).Collect(withOptimizer: true)));
        LastSaved = run.Report.Elapsed;
    }

    /// <summary>Saves a batch whose loss was NaN or infinite. Batches depend only on seed, epoch and step, so it can be drawn
    /// again.</summary>
    /// <returns>The name of the file; null without a folder.</returns>
    public string? SaveBadBatch(TrainingRun run, int epoch, int step)
    {
        if (_files is null) return null;
        foreach (var batch in run.Batches.Epoch(epoch, skip: step).Take(1))
        {
            using var scope = NewDisposeScope();
            var tensors = new Dictionary<string, Tensor>
            {
                ["images"] = batch.Images,
                ["labels"] = batch.Labels,
                ["indices"] = tensor(batch.Indices.ToArray(), device: batch.Labels.device),
            };
            var loss = run.Setup.Loss;
            var facts = new Dictionary<string, string> { ["epoch"] = $"{epoch}", ["step"] = $"{step}", ["loss"] = $"{loss.Name} {loss}" };
            CheckpointFiles.Write(_files.BadBatch, () => SafetensorsFile.Write(_files.BadBatch, tensors, facts));
        }
        return _files.BadBatch;
    }

    /// <summary>Keeps the average of a run, which ends before the trainer does.</summary>
    public void KeepAverage(TrainingRun run)
    {
        if (run.Average is { Count: > 0 } average) Keep(ref _average, average.Values);
    }

    /// <summary>Puts the weights of the best epoch into a student.</summary>
    public void LoadBest(nn.Module student)
    {
        if (_best is not null)
        {
            Replace(student, _best, "the best epoch");
            return;
        }
        if (_files is null || !File.Exists(_files.Best))
            throw new InvalidOperationException(
                $"There is no best epoch yet{(_files is null ? "" : $" in '{_files.Best}'")}; call Fit first.");
        LoadFrom(_files.Best, student);
    }

    /// <summary>Puts the weights of the last epoch into a student that may hold others since then.</summary>
    public void LoadLast(nn.Module student)
    {
        if (_files is not null) LoadFrom(_files.Last, student);
        else if (_last is not null) StudentState.Load(student, _last, "the last epoch");
    }

    /// <summary>A new run begins: the student's weights are those of its last epoch until others replace them.</summary>
    public void ForgetLast()
    {
        Release(_last);
        _last = null;
    }

    /// <summary>Puts the averaged weights of the last run into a student.</summary>
    public void LoadAverage(nn.Module student, WeightAveraging? averaging)
    {
        if (_average is null)
            throw new InvalidOperationException(
                $"There is no average of weights. WeightAveraging is {averaging?.ToString() ?? "not set"}; " +
                "call Fit for more epochs than its StartEpoch first.");
        Replace(student, _average, "the average");
    }

    public void Dispose()
    {
        Release(_best);
        Release(_average);
        Release(_last);
    }

    // Without files the student's weights are the only copy of the last epoch's, so they are kept before they are replaced.
    private void Replace(nn.Module student, Dictionary<string, Tensor> values, string source)
    {
        var last = _files is null && _last is null ? StudentState.Copies(student.state_dict()) : null;
        try
        {
            StudentState.Load(student, values, source);
            (_last, last) = (last ?? _last, null);
        }
        finally
        {
            Release(last);
        }
    }

    private static void LoadFrom(string path, nn.Module student)
    {
        var (_, tensors) = TrainingCheckpoint.Read(path);
        using (tensors) StudentState.Load(student, tensors.Student, path);
    }

    private static void Refuse(TrainingCheckpoint checkpoint, TrainingRun run, string path)
    {
        ResumeGuard.EnsureSame(checkpoint.Identity, run.Identity, path, "Choose another CheckpointDirectory or delete the file.");
        // Weights saved within an epoch are not those of any epoch's end, so they cannot be the last weights of a run that ends before it.
        var (done, begun) = (checkpoint.Epochs.Count, checkpoint.Partial is null ? 0 : 1);
        if (done + begun > run.Options.Epochs)
            throw new InvalidOperationException(
                $"The run in '{run.Options.CheckpointDirectory}' has {done} epochs{(begun == 0 ? "" : " and a part of the next")} " +
                $"already; Epochs is {run.Options.Epochs}. Set it to at least {done + begun}, or choose another directory.");
        if (checkpoint.Partial?.Fault(run.Steps, run.Options.BatchSize) is { } fault)
            throw new WeightFormatException($"{path}: the training state is damaged ({fault}).");
    }

    private static TrainingCheckpoint Checkpoint(TrainingRun run, PartialEpoch? partial) => new()
    {
        Format = TrainingCheckpoint.CurrentFormat,
        Library = typeof(RunStore).Assembly.GetName().Version!.ToString(),
        Identity = run.Identity,
        Epochs = run.Epochs,
        Best = run.Best,
        Partial = partial,
        SkippedInARow = run.Health.SkippedInARow,
        AverageCount = run.Average?.Count ?? 0,
    };

    private static void Write(string path, TrainingCheckpoint checkpoint, CheckpointTensors tensors) =>
        CheckpointFiles.Write(path, () => checkpoint.Write(path, tensors));

    private static LossState LossOf(TrainingRun run) => new(run.Setup.Loss.Trainable, run.Optimizer);

    private static void Keep(ref Dictionary<string, Tensor>? kept, IReadOnlyDictionary<string, Tensor> values)
    {
        Release(kept);
        kept = StudentState.Copies(values);
    }

    private static void Release(Dictionary<string, Tensor>? tensors)
    {
        if (tensors is null) return;
        foreach (var tensor in tensors.Values) tensor.Dispose();
    }
}

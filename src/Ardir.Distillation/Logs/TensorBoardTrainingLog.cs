using TorchSharp.Modules;

namespace Ardir.Distillation;

/// <summary>
/// Writes scalars for TensorBoard (<c>tensorboard --logdir FOLDER</c>), one point per epoch: <c>learning_rate</c>,
/// <c>train_loss</c>, <c>train_accuracy</c>, <c>clean_accuracy</c>, <c>robust_accuracy</c>, <c>average_clean_accuracy</c>,
/// <c>average_robust_accuracy</c>, <c>skipped_steps</c>, <c>seconds</c> (defined in <see cref="EpochMetrics"/>; what was not
/// measured is left out) and <c>terms.NAME</c> for each part of the loss.
/// </summary>
/// <remarks>A point's wall time is the training time so far in whole seconds, so the relative axis leaves out the time in which a
/// run was stopped. A run that resumes writes its whole history again and removes its earlier event files (<c>*.ardir</c>): no
/// point is missing or there twice. Other event files in the folder stay. Pass the log to
/// <see cref="DistillationTrainer.Fit"/>.</remarks>
/// <example><code>trainer.Fit(train, validation, new TensorBoardTrainingLog("runs/ardir/tensorboard"));</code></example>
public sealed class TensorBoardTrainingLog : IProgress<TrainingProgress>
{
    private const string Suffix = "ardir";

    private readonly string _folder;
    private SummaryWriter? _writer;
    private EpochMetrics? _last;

    /// <summary>Checks that the folder can be written to; an event file appears at the end of the first epoch.</summary>
    /// <param name="folder">The folder of this run; made when it is missing.</param>
    /// <exception cref="ArgumentException">The path is empty.</exception>
    /// <exception cref="IOException">Nothing can be written there.</exception>
    public TensorBoardTrainingLog(string folder)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(folder);
        _folder = Path.GetFullPath(folder);
        EpochLogFile.Guard(_folder, () => EpochLogFile.EnsureWritable(_folder));
    }

    /// <summary>Adds the points of the history that are not yet written, when an epoch has ended or a run resumes; ignores other
    /// reports.</summary>
    /// <param name="value">The trainer's report.</param>
    /// <exception cref="IOException">The event file cannot be written.</exception>
    public void Report(TrainingProgress value)
    {
        ArgumentNullException.ThrowIfNull(value);
        if (value.Phase is TrainingPhase.EpochEnd or TrainingPhase.Resume) EpochLogFile.Guard(_folder, () => Write(value.History));
    }

    private void Write(IReadOnlyList<EpochMetrics> history)
    {
        // A history without the epoch that was written last belongs to another run, or this is the first call of this object.
        var written = history.Count;
        while (written > 0 && !ReferenceEquals(history[written - 1], _last)) written--;
        var writer = written > 0 ? _writer : null;
        // If one of the writes below fails, the next call begins a new event file instead of writing points twice.
        (_writer, _last) = (null, null);
        if (writer is null)
        {
            foreach (var file in Directory.GetFiles(_folder, $"events.out.tfevents.*.{Suffix}")) File.Delete(file);
            (writer, written) = (utils.tensorboard.SummaryWriter(_folder, Suffix), 0);
        }
        var seconds = history.Take(written).Sum(epoch => epoch.Elapsed.TotalSeconds);
        foreach (var epoch in history.Skip(written)) Add(writer, epoch, seconds += epoch.Elapsed.TotalSeconds);
        (_writer, _last) = (writer, history[^1]);
    }

    private static void Add(SummaryWriter writer, EpochMetrics epoch, double seconds)
    {
        foreach (var (name, read) in EpochColumns.Fixed)
            if (read(epoch) is { } value) writer.add_scalar(name, (float)value, epoch.Epoch, (long)seconds);
        foreach (var term in EpochColumns.Terms([epoch]))
            writer.add_scalar(EpochColumns.TermPrefix + term, (float)epoch.Terms[term], epoch.Epoch, (long)seconds);
    }
}

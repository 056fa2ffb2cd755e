using TorchSharp.Modules;

namespace Ardir.Distillation;

/// <summary>
/// Writes scalars for TensorBoard (<c>tensorboard --logdir FOLDER</c>), one point per epoch: <c>learning_rate</c>, <c>train_loss</c>,
/// <c>train_accuracy</c>, <c>clean_accuracy</c>, <c>robust_accuracy</c>, <c>seconds</c> and <c>terms.NAME</c> for each part of the loss.
/// </summary>
/// <remarks>A point's wall time is the training time so far in whole seconds, so the relative axis leaves out the time in which a run was stopped. A run that goes on
/// writes its whole history anew and removes its earlier event files (<c>*.ardir</c>): no point is lost or there twice. Event files of others stay.
/// Pass it to <see cref="DistillationTrainer.Fit"/>.</remarks>
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

    /// <summary>Adds the points of an epoch that has ended; ignores all that is no end of an epoch and no run that goes on.</summary>
    /// <param name="value">What the trainer tells.</param>
    /// <exception cref="IOException">The event file cannot be written.</exception>
    public void Report(TrainingProgress value)
    {
        ArgumentNullException.ThrowIfNull(value);
        if (value.Phase is TrainingPhase.EpochEnd or TrainingPhase.Resume) EpochLogFile.Guard(_folder, () => Write(value.History));
    }

    private void Write(IReadOnlyList<EpochMetrics> history)
    {
        // Unless the history contains what was written last, this is another run, or the first call of this object.
        var written = history.Count;
        while (written > 0 && !ReferenceEquals(history[written - 1], _last)) written--;
        var writer = written > 0 ? _writer : null;
        // Should one of the writes below fail, the next call begins anew instead of writing points twice.
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
        foreach (var term in EpochColumns.Terms([epoch])) writer.add_scalar(EpochColumns.TermPrefix + term, (float)epoch.Terms[term], epoch.Epoch, (long)seconds);
    }
}

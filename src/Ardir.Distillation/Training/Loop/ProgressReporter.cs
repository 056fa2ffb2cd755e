using System.Diagnostics;

namespace Ardir.Distillation;

/// <summary>Reports the progress of a run and an estimate of the remaining time.</summary>
internal sealed class ProgressReporter(int epochs, IProgress<TrainingProgress>? progress)
{
    private readonly Stopwatch _clock = Stopwatch.StartNew();
    private IReadOnlyList<EpochMetrics> _history = [];
    private double _start;

    /// <summary>Whether anyone listens.</summary>
    public bool IsWanted => progress is not null;

    /// <summary>Time since this process began with the run.</summary>
    public TimeSpan Elapsed => _clock.Elapsed;

    /// <summary>Begins where the run was when this process took it over, in epochs: 2.5 is the middle of the third.</summary>
    public void Begin(double start, IEnumerable<EpochMetrics> history)
    {
        (_start, _history) = (start, [.. history]);
        if (_history.Count > 0) Send(At(TrainingPhase.Resume, _history.Count - 1, 0, 0), start);
    }

    /// <summary>A training step is done.</summary>
    public void Step(TrainingMoment done, double? loss) => Send(
        At(TrainingPhase.Train, done.Epoch, done.Step, done.Steps) with { Loss = loss },
        done.Epoch + done.Step / (double)done.Steps);

    /// <summary>A batch of an evaluation is done. Evaluations follow the training steps, which stand for the whole epoch, so the estimate
    /// of the remaining time is a little too short.</summary>
    public void Evaluation(int epoch, int step, int steps) => Send(At(TrainingPhase.Evaluate, epoch, step, steps), epoch + 1);

    /// <summary>An epoch is over.</summary>
    public void Add(EpochMetrics metrics) => _history = [.. _history, metrics];

    /// <summary>An epoch is on disk.</summary>
    public void EpochEnd(EpochMetrics metrics) => Send(
        At(TrainingPhase.EpochEnd, metrics.Epoch, 1, 1) with { Loss = metrics.TrainLoss, Metrics = metrics }, metrics.Epoch + 1);

    private TrainingProgress At(TrainingPhase phase, int epoch, int step, int steps) => new()
    {
        Phase = phase, Epoch = epoch, Epochs = epochs, Step = step, Steps = steps, Elapsed = _clock.Elapsed, History = _history,
    };

    private void Send(TrainingProgress report, double position)
    {
        // Only what this process did took the time that it measured.
        var done = position - _start;
        progress?.Report(report with { Remaining = done > 0 ? report.Elapsed * ((epochs - position) / done) : null });
    }
}

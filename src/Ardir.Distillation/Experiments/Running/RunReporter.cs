using Ardir.Attacks;

namespace Ardir.Distillation;

/// <summary>Turns what trainer and attacks report into the progress of the plan.</summary>
internal sealed class RunReporter(RunBoard board, IProgress<ExperimentProgress>? progress)
    : IProgress<TrainingProgress>, IProgress<AttackProgress>
{
    private ExperimentRun? _run;
    private string _activity = "";
    private TimeSpan? _training;
    private TimeSpan? _others;

    public void Begin(ExperimentRun run)
    {
        _run = run;
        Estimate();
    }

    public void Activity(string activity)
    {
        _activity = activity;
        progress?.Report(Now());
    }

    public void Waiting()
    {
        _run = null;
        Estimate();
        Activity("waiting for runs of other processes");
    }

    public void End(ExperimentRun run, RunRecord record)
    {
        board.Read();
        Estimate();
        progress?.Report(Now() with { Record = record, Activity = "done", Method = run.Method.Name, Seed = run.Seed });
    }

    public void Report(TrainingProgress value)
    {
        var done = value.Phase == TrainingPhase.Train ? value.Epoch + value.Step / (double)value.Steps : value.Epoch + 1;
        if (value.Remaining is { } left && done < value.Epochs) _training = left * (value.Epochs / (value.Epochs - done));
        if (value.Phase != TrainingPhase.Train || _others is null) Estimate();
        progress?.Report(Now(value.Remaining) with { Training = value });
    }

    public void Report(AttackProgress value) => progress?.Report(Now() with { Attack = value });

    private ExperimentProgress Now(TimeSpan? present = null) => new()
    {
        Method = _run?.Method.Name ?? "",
        Seed = _run?.Seed ?? 0,
        Activity = _activity,
        Done = board.Done,
        Runs = board.Runs,
        Remaining = _others + (present ?? TimeSpan.Zero),
    };

    // Not at each step, because many runs are looked at.
    private void Estimate() => _others = board.Clock.Of([.. board.Open.Where(open => open.Run != _run)], _training);
}

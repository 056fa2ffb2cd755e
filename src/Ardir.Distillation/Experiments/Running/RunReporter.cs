using Ardir.Attacks;

namespace Ardir.Distillation;

/// <summary>Turns what trainer and attacks report into the progress of the plan.</summary>
internal sealed class RunReporter(RunBoard board, IProgress<ExperimentProgress>? progress)
    : IProgress<TrainingProgress>, IProgress<AttackProgress>
{
    private ExperimentRun? _run;
    private string _activity = "";

    public void Begin(ExperimentRun run) => _run = run;

    public void Activity(string activity)
    {
        _activity = activity;
        progress?.Report(Now());
    }

    public void Waiting()
    {
        _run = null;
        Activity("waiting for runs of other processes");
    }

    public void End(ExperimentRun run, RunRecord record)
    {
        board.Read();
        progress?.Report(Now() with { Record = record, Activity = "done", Method = run.Method.Name, Seed = run.Seed });
    }

    public void Report(TrainingProgress value) => progress?.Report(Now(value.Remaining) with { Training = value });

    public void Report(AttackProgress value) => progress?.Report(Now() with { Attack = value });

    private ExperimentProgress Now(TimeSpan? present = null) => new()
    {
        Method = _run?.Method.Name ?? "",
        Seed = _run?.Seed ?? 0,
        Activity = _activity,
        Done = board.Done,
        Runs = board.Runs,
        Remaining = PlanClock.Remaining(board.Records, board.Open.Where(run => run != _run).Select(run => run.Method.Name), present),
    };
}

using Ardir.Core;

namespace Ardir.Distillation;

/// <summary>What is done and what is left to do, as the files of the folder say, which several processes write.</summary>
internal sealed class RunBoard(ExperimentSetup setup)
{
    private readonly Dictionary<ExperimentRun, RunRecord?> _records = [];

    /// <summary>The runs with something left to do, in the order of the plan.</summary>
    public IReadOnlyList<OpenRun> Open { get; private set; } = [];

    /// <summary>How long they take.</summary>
    public PlanClock Clock { get; private set; } = new([]);

    public int Done => setup.Runs.Count - Open.Count;

    public int Runs => setup.Runs.Count;

    public ExperimentResults Results => new(setup.Plan, _records.Values.OfType<RunRecord>());

    /// <summary>Reads the records of all runs that were not complete.</summary>
    /// <exception cref="InvalidOperationException">A record belongs to another plan.</exception>
    public void Read()
    {
        foreach (var run in setup.Runs)
        {
            if (!setup.IsComplete(run, _records.GetValueOrDefault(run))) Load(run);
        }
        foreach (var run in setup.Runs) DropOutdated(run);
        Open = [.. setup.Runs.Where(run => !setup.IsComplete(run, _records[run])).Select(run => new OpenRun(run, Missing(run)))];
        Clock = new PlanClock(_records.Values.OfType<RunRecord>());
    }

    /// <summary>Reads the record of a run whose teachers are known.</summary>
    /// <exception cref="InvalidOperationException">The record belongs to another plan.</exception>
    public RunRecord? Reread(ExperimentRun run)
    {
        Load(run);
        DropOutdated(run);
        return _records[run];
    }

    /// <summary>Whether the teachers of a run are trained.</summary>
    public bool IsReady(ExperimentRun run) => Teachers(run).All(teacher => teacher is not null);

    /// <summary>The first teacher whose training did not end as planned; null if there is none.</summary>
    public RunRecord? FailedTeacher(ExperimentRun run) => Teachers(run).FirstOrDefault(teacher => teacher!.Outcome != RunOutcome.Finished);

    private IEnumerable<RunRecord?> Teachers(ExperimentRun run) =>
        run.Method.Teachers.Select(name => _records.GetValueOrDefault(setup.RunOf(name, run.Seed)));

    private List<string>? Missing(ExperimentRun run) =>
        _records[run] is { } record ? [.. setup.Missing(run, record).Select(missing => missing.Attack.Name)] : null;

    private void Load(ExperimentRun run)
    {
        var record = File.Exists(run.Folder.Record) ? RunRecord.Load(run.Folder.Record) : null;
        const string remedy = "Choose another folder or delete this run's.";
        if (record is not null) ResumeGuard.EnsureSame(record.Identity, setup.IdentityOf(run), run.Folder.Record, remedy);
        // The identity says what was trained; the name may have been changed since, in the plan and of the folder.
        _records[run] = record is null ? null : record with { Method = run.Method.Name };
    }

    // Somebody deleted the record of the teacher that failed, and it was trained again with success.
    private void DropOutdated(ExperimentRun run)
    {
        if (_records[run]?.Outcome == RunOutcome.TeacherDiverged && IsReady(run) && FailedTeacher(run) is null) _records[run] = null;
    }
}

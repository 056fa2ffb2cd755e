using Ardir.Core;

namespace Ardir.Distillation;

/// <summary>What is done and what is left to do, as the files of the folder say, which several processes write.</summary>
internal sealed class RunBoard(ExperimentSetup setup)
{
    private readonly Dictionary<ExperimentRun, RunRecord?> _records = [];

    /// <summary>The runs with something left to do, in the order of the plan.</summary>
    public IReadOnlyList<ExperimentRun> Open { get; private set; } = [];

    public int Done => setup.Runs.Count - Open.Count;

    public int Runs => setup.Runs.Count;

    public ExperimentResults Results => new(setup.Plan, _records.Values.OfType<RunRecord>());

    public IEnumerable<RunRecord> Records => _records.Values.OfType<RunRecord>();

    /// <summary>Reads the records of all runs that were not complete.</summary>
    /// <exception cref="InvalidOperationException">A record belongs to another plan.</exception>
    public void Read()
    {
        foreach (var run in setup.Runs)
        {
            if (!setup.IsComplete(run, _records.GetValueOrDefault(run))) Reread(run);
        }
        Open = [.. setup.Runs.Where(run => !setup.IsComplete(run, _records[run]))];
    }

    public RunRecord? Reread(ExperimentRun run)
    {
        var record = File.Exists(run.Folder.Record) ? RunRecord.Load(run.Folder.Record) : null;
        const string remedy = "Choose another folder or delete this run's.";
        if (record is not null) ResumeGuard.EnsureSame(record.Identity, setup.IdentityOf(run), run.Folder.Record, remedy);
        return _records[run] = record;
    }

    /// <summary>Whether the teachers of a run are trained.</summary>
    public bool IsReady(ExperimentRun run) => Teachers(run).All(teacher => teacher is not null);

    /// <summary>The first teacher whose training did not end as planned; null if there is none.</summary>
    public RunRecord? FailedTeacher(ExperimentRun run) => Teachers(run).FirstOrDefault(teacher => teacher!.Outcome != RunOutcome.Finished);

    private IEnumerable<RunRecord?> Teachers(ExperimentRun run) =>
        run.Method.Teachers.Select(name => _records.GetValueOrDefault(setup.RunOf(name, run.Seed)));
}

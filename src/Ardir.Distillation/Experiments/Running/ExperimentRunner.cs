using Ardir.Core;

namespace Ardir.Distillation;

/// <summary>
/// Carries out an <see cref="ExperimentPlan"/>: trains every method with every seed, teachers before their students, attacks the trained
/// networks, and writes a record of each run. Finished runs are never repeated, interrupted ones resume, and several processes can work on
/// one folder, each on another run.
/// </summary>
/// <example><code>
/// var plan = ExperimentPlan.Load("study.json");
/// using var images = ExperimentImages.Load(plan.Data, "data");
/// var results = new ExperimentRunner(plan, images, "study").Run();
/// </code></example>
public sealed class ExperimentRunner
{
    private readonly ExperimentSetup _setup;
    private readonly RunExecution _execution;

    /// <summary>Checks the plan, with its losses, attacks and layers, before any work.</summary>
    /// <param name="plan">What to compare.</param>
    /// <param name="images">The images; they stay the caller's.</param>
    /// <param name="folder">Where the runs are kept; created when it does not exist.</param>
    /// <param name="options">Device, your own losses and attacks, and more.</param>
    /// <exception cref="FormatException">The plan cannot be carried out; the message names method or attack.</exception>
    /// <exception cref="ArgumentException">An option of the trainer is out of range, a layer does not exist, or a network of your own does
    /// not obey its seed.</exception>
    /// <exception cref="InvalidOperationException">A loss or an attack of your own hides values, so that its records could not be
    /// recognised (<see cref="StatedIdentity"/>).</exception>
    public ExperimentRunner(ExperimentPlan plan, ExperimentImages images, string folder, ExperimentOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(plan);
        ArgumentNullException.ThrowIfNull(images);
        ArgumentException.ThrowIfNullOrEmpty(folder);
        plan.Validate();
        _setup = new ExperimentSetup(plan, images, Path.GetFullPath(folder), options ?? new ExperimentOptions());
        _setup.Check();
        _execution = new RunExecution(_setup);
    }

    /// <summary>Does what is left to do, and waits for runs that other processes are doing.</summary>
    /// <param name="progress">Receives reports during and after each run.</param>
    /// <param name="cancellationToken">Stops. At most one epoch, one batch of an ensemble (AutoAttack, Fast) or one other attack is
    /// lost.</param>
    /// <returns>The records of all runs.</returns>
    /// <exception cref="InvalidOperationException">The folder holds runs of another plan; the message lists the differences.</exception>
    /// <exception cref="FormatException">A record in the folder is damaged.</exception>
    /// <exception cref="IOException">A file cannot be written.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public ExperimentResults Run(IProgress<ExperimentProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        var board = new RunBoard(_setup);
        var reporter = new RunReporter(board, progress);
        while (true)
        {
            cancellationToken.ThrowIfCancellationRequested();
            board.Read();
            if (board.Open.Count == 0) return board.Results;
            if (!board.Open.Any(open => TryRun(open.Run, board, reporter, cancellationToken))) Wait(reporter, cancellationToken);
        }
    }

    private bool TryRun(ExperimentRun run, RunBoard board, RunReporter reporter, CancellationToken cancellationToken)
    {
        if (!board.IsReady(run)) return false;
        if (!RunLock.TryTake(run.Folder.Lock, "run of an experiment", out var turn, out _)) return false;
        using var held = turn;
        // Another process may have finished the run since the board was read.
        var record = board.Reread(run);
        if (_setup.IsComplete(run, record)) return true;
        reporter.Begin(run);
        record = _execution.Run(run, record, board, reporter, cancellationToken);
        reporter.End(run, record);
        return true;
    }

    private void Wait(RunReporter reporter, CancellationToken cancellationToken)
    {
        reporter.Waiting();
        cancellationToken.WaitHandle.WaitOne(_setup.Options.PollInterval);
    }
}

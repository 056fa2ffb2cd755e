using System.Diagnostics.CodeAnalysis;
using Ardir.Attacks;
using Ardir.Core;

namespace Ardir.Distillation;

/// <summary>
/// Every decision about NaN and infinite values in a run: whether a step is taken, left out, or ends the run. What can be noticed on the
/// device is collected there and read at logging points only, because every reading waits for the device.
/// </summary>
internal sealed class StepHealth : IDisposable
{
    private const int MostSkipped = 10;

    private readonly TrainerOptions _options;
    private readonly Ranks _ranks;
    private readonly StudentProbe _probe;
    private readonly RunOptimizer _optimizer;
    private readonly LossWatch _losses;
    private readonly AttackDiagnostics _attacks;
    private int _epoch;

    public StepHealth(TrainerOptions options, StudentWeights weights, RunOptimizer optimizer, Func<Tensor>? images = null)
    {
        (_options, _ranks) = (options, new Ranks(options.Collective));
        (_optimizer, _probe) = (optimizer, new StudentProbe(weights, optimizer, images));
        // Without Skip the first step itself looks for a student that changes its input.
        _attacks = new AttackDiagnostics { ComparesInputs = Skips || _ranks.AreSeveral };
        _losses = new LossWatch(optimizer.Trained[0].device);
    }

    /// <summary>Saves the batch of an epoch and a step, and returns the name of the file; null where nothing can be saved.</summary>
    public Func<int, int, string?> SaveBatch { get; set; } = (_, _) => null;

    /// <summary>Steps left out one after another, up to now. Part of the checkpoint, so that neither the end of an epoch nor a resume
    /// hides a run that only skips.</summary>
    public int SkippedInARow { get; set; }

    private bool Skips => _options.NonFiniteLoss == NonFiniteLoss.Skip;

    /// <summary>Begins an epoch; steps are counted from its beginning.</summary>
    public void Begin(int epoch)
    {
        _epoch = epoch;
        _losses.Clear();
    }

    /// <summary>Where the attacks of a step report what they notice; null for attacks that throw at once. In the first step of a process
    /// they do that, before the student changes, unless a NaN may be skipped. In all other steps it is reported at the next logging
    /// point, and with several ranks in the first step as well, because an attack that reports at once may make one more pass.</summary>
    public AttackDiagnostics? ForAttacks(bool firstStep) => firstStep && !Skips && !_ranks.AreSeveral ? null : _attacks;

    /// <summary>A copy of the buffers of student and loss where a step may have to be undone.</summary>
    public BufferBackup? Backup(nn.Module student, nn.Module? loss) => Skips ? new BufferBackup(student, loss) : null;

    /// <summary>Decides, after the backward pass, whether the optimiser may take the step.</summary>
    public bool Accepts(IReadOnlyList<Tensor> losses, int step)
    {
        if (Skips)
        {
            // Both are always read, so that what an attack noticed about this batch is not reported for the next.
            // Losses and gradients are those of all ranks; what an attack noticed is this rank's.
            var (broken, sound) = (_ranks.Any(_attacks.TakeBroken()), IsSound(losses));
            if (broken || !sound) return false;
        }
        foreach (var loss in losses) _losses.Add(loss, step);
        return true;
    }

    /// <summary>Runs a step, counts whether it was taken, and reports what attacks noticed if this is a logging point.</summary>
    /// <param name="step">Its number in the epoch.</param>
    /// <param name="atLoggingPoint">Whether the device may be waited for.</param>
    /// <param name="mayHaveDiverged">Whether the run took a step before, so that a failure may follow from what training did.</param>
    /// <param name="run">The step; returns whether it was taken.</param>
    /// <exception cref="TrainingDivergedException">The student is broken, or ten steps in a row were left out.</exception>
    public bool Run(int step, bool atLoggingPoint, bool mayHaveDiverged, Func<bool> run)
    {
        bool taken;
        try
        {
            taken = run();
            if (atLoggingPoint) _attacks.Report(_options.Logger);
        }
        catch (InvalidOperationException e) when (mayHaveDiverged && _probe.IsBroken())
        {
            Stop(step: _losses.Read(), cause: e);
            throw;
        }
        SkippedInARow = taken ? 0 : SkippedInARow + 1;
        if (SkippedInARow == 1) TrainerLog.Skipping(_options.Logger, _epoch, step);
        if (SkippedInARow >= MostSkipped) Stop(double.NaN, step);
        return taken;
    }

    /// <summary>Ends the run at a logging point when a loss since the last one was NaN or infinite.</summary>
    /// <param name="mean">Mean loss of the epoch so far, if it was read: when it is finite, so were all its parts.</param>
    public void CheckLosses(double? mean)
    {
        if (mean is { } value && double.IsFinite(value)) return;
        if (_losses.Read() is { } step) Stop(double.NaN, step);
    }

    /// <summary>Ends the run rather than let it write a checkpoint from which it could not resume, over one that is intact.</summary>
    public void CheckBeforeSaving()
    {
        CheckLosses(mean: null);
        if (_probe.IsBroken()) Stop();
    }

    /// <summary>The mean loss of an epoch that is over, which is finite.</summary>
    public double FiniteLoss(EpochTotals totals, int steps)
    {
        if (!totals.Any) Stop(double.NaN, steps - 1);
        var loss = totals.MeanLoss();
        if (!double.IsFinite(loss)) Stop(loss, _losses.Read());
        return loss;
    }

    /// <summary>Ends the run when the student is broken although all losses were finite: the last step of an epoch shows only in the
    /// weights.</summary>
    public void CheckStudent()
    {
        if (_probe.IsBroken()) Stop();
    }

    public void Dispose()
    {
        _attacks.Dispose();
        _losses.Dispose();
    }

    // Losses and gradients are combined on the device and read once.
    private bool IsSound(IReadOnlyList<Tensor> losses)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var gradients = _optimizer.Trained.Select(parameter => parameter.grad).OfType<Tensor>();
        var all = losses.Select(loss => loss.reshape([])).Concat(gradients.Select(gradient => GradientClip.Wide(gradient).sum()));
        return HostRead.Bool(all.Select(value => value.isfinite()).Aggregate((sound, next) => sound.logical_and(next)));
    }

    [DoesNotReturn]
    private void Stop(double? loss = null, int? step = null, Exception? cause = null)
    {
        var batch = step is { } at ? SaveBatch(_epoch, at) : null;
        var what = loss is null ? "Weights or logits of the student became NaN or infinite" : $"The training loss became {loss}";
        var where = batch is null ? "" : $"The first batch at fault is in '{batch}'. ";
        throw new TrainingDivergedException(
            $"{what} in epoch {_epoch}. {where}The checkpoint before is intact. {_probe.Advice()}", cause);
    }
}

using Ardir.Core;

namespace Ardir.Attacks;

/// <summary>
/// One run of APGD on a batch. Follows the authors' code step by step, including two quirks: the first check compares with a loss of zero,
/// and going back to the best point does not change the previous point. The host waits for the device once per iteration, to learn whether
/// any sample leaves the batch.
/// </summary>
internal sealed class ApgdEngine : IDisposable
{
    private const double Momentum = 0.75;

    private readonly ApgdSearchOptions _options;
    private readonly ApgdStage _stage;
    private readonly Tensor _broken;
    private AttackRun _run;
    private Tensor _points;
    private Tensor _rows;
    private ApgdState? _state;
    private ApgdStep? _step;
    private ApgdOutlook? _outlook;

    private ApgdEngine(AttackRun run, ApgdSearchOptions options, ApgdStage stage, Tensor start)
    {
        (_run, _options, _stage) = (run, options, stage);
        _broken = zeros([run.Count], ScalarType.Bool, start.device).DetachFromDisposeScope();
        _points = start.clone().DetachFromDisposeScope();
        _rows = arange(run.Count, device: start.device).DetachFromDisposeScope();
    }

    /// <summary>Climbs the loss of a run from given points. One evaluation of the start and one per iteration.</summary>
    /// <param name="run">With a loss.</param>
    /// <param name="options">What all stages share.</param>
    /// <param name="stage">Radius, iterations, and what becomes of broken samples.</param>
    /// <param name="start">[n,C,H,W] in the ball of the stage.</param>
    /// <param name="report">Called in every iteration with the samples it evaluated and its number, from 1.</param>
    public static ApgdResult Climb(
        AttackRun run, ApgdSearchOptions options, ApgdStage stage, Tensor start, Action<AttackRun, int>? report = null)
    {
        using var scope = NewDisposeScope();
        start = run.Threat.Clamp(start);
        using var engine = new ApgdEngine(run, options, stage, start);
        if (engine.Begin(start))
        {
            for (var iteration = 1; iteration <= stage.Iterations; iteration++)
                if (!engine.Iterate(iteration, report)) break;
        }
        return engine.Result();
    }

    public void Dispose()
    {
        _broken.Dispose();
        _points.Dispose();
        _rows.Dispose();
        _state?.Dispose();
        _step?.Dispose();
        _outlook?.Dispose();
    }

    private bool Begin(Tensor start)
    {
        using var scope = NewDisposeScope();
        var here = _run.Gradient(start);
        if (Judge(start, here.Logits) is { } stay)
        {
            if (stay.numel() == 0) return false;
            start = start.index_select(0, stay);
            here = Narrow(here, stay);
        }
        _state = new ApgdState(start, here);
        _step = ApgdStep.Create(_run, _stage, _options.Rho, start, here.Loss);
        if (_stage.GiveUp && _run.EotSamples == 1) _outlook = new ApgdOutlook(_run, here, _stage.Iterations);
        return true;
    }

    private bool Iterate(int iteration, Action<AttackRun, int>? report)
    {
        using var scope = NewDisposeScope();
        var (state, step) = (_state!, _step!);
        state.MoveTo(step.Move(_run, state, iteration == 1 ? 1 : Momentum));
        if (iteration == _stage.Iterations && _stage.Broken == BrokenSamples.Leave && _run.EotSamples == 1)
        {
            // No step follows the last point, so it needs no gradient.
            Judge(state.Point, _run.Logits(state.Point), ofGradient: false);
            report?.Invoke(_run, iteration);
            return false;
        }
        var here = _run.Gradient(state.Point);
        report?.Invoke(_run, iteration);
        if (Judge(state.Point, here.Logits) is { } stay && !Keep(stay, ref here)) return false;
        if (_outlook?.Hopeful(_run, here) is { } hopeful && !Keep(hopeful, ref here)) return false;
        state.Learn(here.Loss, here.Gradient);
        if (step.End(_run, state, here.Loss) is { } back) state.ReturnToBest(back);
        return true;
    }

    /// <summary>Records the points that the model misclassifies.</summary>
    /// <returns>Positions of the samples that stay, null if all do.</returns>
    private Tensor? Judge(Tensor points, Tensor logits, bool ofGradient = true)
    {
        if (_stage.Broken == BrokenSamples.Ignore) return null;
        var adversarial = ofGradient ? _run.IsAdversarial(points, logits) : _run.IsAdversarial(logits);
        if (_stage.Broken == BrokenSamples.Stay)
        {
            Owned.Renew(ref _points, where(PerSample.Of(adversarial, points), points, _points));
            _broken.logical_or_(adversarial);
            return null;
        }
        if (!HostRead.Bool(adversarial.any())) return null;

        // Rounding in half precision can leave the ball: such a point does not count, and the sample continues.
        var leave = HostRead.Rows(adversarial);
        var found = points.index_select(0, leave);
        var valid = HostRead.Rows(_run.Threat.Contains(_run.Images.index_select(0, leave), found));
        if (valid.numel() == 0) return null;
        leave = leave.index_select(0, valid);
        var rows = _rows.index_select(0, leave);
        _points.index_copy_(0, rows, found.index_select(0, valid));
        _broken.index_fill_(0, rows, true);
        return HostRead.Rows(ones_like(adversarial).index_fill_(0, leave, false));
    }

    /// <summary>Keeps some of the samples.</summary>
    /// <returns>Whether there are any.</returns>
    private bool Keep(Tensor stay, ref AttackGradient here)
    {
        if (stay.numel() == 0) return false;
        _state!.Narrow(stay);
        _step!.Narrow(stay);
        _outlook?.Narrow(stay);
        here = Narrow(here, stay);
        return true;
    }

    private AttackGradient Narrow(AttackGradient here, Tensor stay)
    {
        _run = _run.Narrow(stay);
        Owned.Narrow(ref _rows, stay);
        return new(here.Logits.index_select(0, stay), here.Loss.index_select(0, stay), here.Gradient.index_select(0, stay));
    }

    private ApgdResult Result()
    {
        // Copies, because the engine's own tensors are disposed with it.
        Tensor Copy(Tensor tensor) => tensor.clone().MoveToOuterDisposeScope();
        var all = _stage.Broken != BrokenSamples.Leave;
        return new ApgdResult(Copy(_points), Copy(_broken), all ? Copy(_state!.Best) : null, all ? Copy(_state!.BestLoss) : null);
    }
}

using Ardir.Core;

namespace Ardir.Attacks;

/// <summary>
/// Projected gradient descent (Madry et al. 2018): repeated steps along the gradient (sign, unit L2, or sparse L1 direction), each
/// followed by a projection onto ball and box. With <see cref="PgdSelection.Last"/> and one restart it costs exactly one forward and one
/// backward pass per step.
/// </summary>
public sealed class PgdAttack : Attack
{
    private readonly PgdOptions _options;
    private readonly double _stepSize;

    /// <summary>Creates the attack.</summary>
    /// <param name="threat">What may change.</param>
    /// <param name="options">Options; 10 steps of epsilon/4 when null.</param>
    /// <exception cref="ArgumentException">An option is out of range, or options contradict each other.</exception>
    public PgdAttack(ThreatModel threat, PgdOptions? options = null) : base(threat)
    {
        _options = options ?? new PgdOptions();
        _options.Validate();
        _stepSize = _options.StepSize ?? threat.Epsilon / 4;
    }

    /// <inheritdoc/>
    public override string Name => _options.Restarts == 1 ? $"PGD-{_options.Steps}" : $"PGD-{_options.Steps}x{_options.Restarts}";

    /// <inheritdoc/>
    public override bool HasFixedPasses => _options is { Restarts: 1, Selection: not PgdSelection.FirstSuccess };

    /// <inheritdoc/>
    protected override Tensor Search(AttackRun run)
    {
        ArgumentNullException.ThrowIfNull(run);
        run = run.With(_options.Loss);
        if (_options.Restarts == 1) return Attempt(run, restart: 0);

        var best = Judge(run, Attempt(run, restart: 0));
        for (var restart = 1; restart < _options.Restarts; restart++)
        {
            using var scope = NewDisposeScope();
            var rows = HostRead.Rows(best.Broken.logical_not());
            if (rows.numel() == 0) break;
            var remaining = run.Select(rows);
            best.Replace(rows, Judge(remaining, Attempt(remaining, restart)));
        }
        return best.Points;
    }

    /// <inheritdoc/>
    protected override string StreamKey => "PgdAttack";

    /// <inheritdoc/>
    protected override bool AllowsLowPrecision => true;

    /// <inheritdoc/>
    protected override object? Options => _options with { StepSize = _stepSize };

    private Tensor Attempt(AttackRun run, int restart) => _options.Selection switch
    {
        PgdSelection.BestLoss => ClimbKeepingBest(run, restart),
        PgdSelection.FirstSuccess => ClimbUntilBroken(run, restart),
        _ => Climb(run, restart),
    };

    private Tensor Climb(AttackRun run, int restart)
    {
        using var scope = NewDisposeScope();
        var points = run.Start(_options.Start, restart);
        for (var step = 1; step <= _options.Steps; step++)
        {
            using var each = NewDisposeScope();
            Renew(ref points, Move(run, points, run.Gradient(points).Gradient));
            run.Report(step, _options.Steps, restart);
        }
        return points.MoveToOuterDisposeScope();
    }

    private Tensor ClimbKeepingBest(AttackRun run, int restart)
    {
        using var scope = NewDisposeScope();
        var points = run.Start(_options.Start, restart);
        var best = points.clone();
        var bestLoss = full([run.Count], double.NegativeInfinity, points.dtype, points.device);
        for (var step = 1; step <= _options.Steps; step++)
        {
            using var each = NewDisposeScope();
            var here = run.Gradient(points);
            KeepBetter(best, bestLoss, points, here.Loss);
            Renew(ref points, Move(run, points, here.Gradient));
            run.Report(step, _options.Steps, restart);
        }
        KeepBetter(best, bestLoss, points, run.Evaluate(points).Loss);
        return best.MoveToOuterDisposeScope();
    }

    private Tensor ClimbUntilBroken(AttackRun run, int restart)
    {
        using var scope = NewDisposeScope();
        var result = run.Start(_options.Start, restart);
        var points = result.clone();
        var rows = arange(run.Count, device: points.device);
        for (var step = 1; step <= _options.Steps; step++)
        {
            using var each = NewDisposeScope();
            var here = run.Gradient(points);
            var gradient = here.Gradient;
            var kept = HostRead.Rows(run.IsAdversarial(points, here.Logits).logical_not());
            if (kept.numel() < run.Count)
            {
                result.index_copy_(0, rows, points);
                if (kept.numel() == 0) return result.MoveToOuterDisposeScope();
                run = run.Narrow(kept);
                gradient = gradient[kept];
                Renew(ref rows, rows[kept]);
                Renew(ref points, points[kept]);
            }
            Renew(ref points, Move(run, points, gradient));
            run.Report(step, _options.Steps, restart);
        }
        return result.index_copy_(0, rows, points).MoveToOuterDisposeScope();
    }

    private Tensor Move(AttackRun run, Tensor points, Tensor gradient)
    {
        using var scope = NewDisposeScope();
        var direction = Threat.SteepestAscent(gradient, _options.SparseFraction);
        return Threat.ProjectStep(run.Images, points.add(direction, alpha: _stepSize)).MoveToOuterDisposeScope();
    }

    // The next value outlives the scope of its step; the old one is disposed at once, so memory does not grow with the number of steps.
    private static void Renew(ref Tensor value, Tensor next)
    {
        next.MoveToOuterDisposeScope();
        value.Dispose();
        value = next;
    }

    private static void KeepBetter(Tensor best, Tensor bestLoss, Tensor points, Tensor loss)
    {
        using var scope = NewDisposeScope();
        var rows = HostRead.Rows(loss > bestLoss);
        if (rows.numel() == 0) return;
        best.index_copy_(0, rows, points[rows]);
        bestLoss.index_copy_(0, rows, loss[rows].to(bestLoss.dtype));
    }

    private static PgdOutcome Judge(AttackRun run, Tensor points)
    {
        var (logits, loss) = run.Evaluate(points);
        return new PgdOutcome(points, loss, run.IsAdversarial(logits));
    }
}

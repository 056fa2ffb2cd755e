using Ardir.Core;

namespace Ardir.Attacks;

/// <summary>
/// Which samples APGD can still break, as far as their progress tells (<see cref="Prospect"/>). Two values can reach zero: the loss toward
/// the target, and the margin over all classes, because any wrong class is a success. A sample is given up when both are out of reach.
/// </summary>
internal sealed class ApgdOutlook : IDisposable
{
    // The rule was chosen on the losses and margins of every image and target in twelve attacks on small networks for Fashion-MNIST
    // (Linf, L2 and L1 with several budgets; one with huge logits, one that rounds its input). It loses none of the eight successes after
    // the second checkpoint, and would lose none with a speedup of 1 and a fifth of the mean progress.
    private const double MaxSpeedup = 10;

    // In short runs checkpoints follow each other so closely that the progress between two of them says nothing.
    private const int ShortestWindow = 5;

    private readonly CheckpointSchedule _schedule;
    private readonly int _iterations;
    private readonly Prospect _loss;
    private readonly Prospect _margin;
    private int _done;
    private int _looked;   // iterations until the last look

    /// <summary>Begins at the start points.</summary>
    /// <param name="run">The samples.</param>
    /// <param name="here">What the model said there.</param>
    /// <param name="iterations">Iterations of the stage.</param>
    public ApgdOutlook(AttackRun run, AttackGradient here, int iterations)
    {
        (_schedule, _iterations) = (new CheckpointSchedule(iterations), iterations);
        _loss = new Prospect(here.Loss, MaxSpeedup);
        _margin = new Prospect(run.Advantage(here.Logits), MaxSpeedup);
    }

    /// <summary>Ends an iteration.</summary>
    /// <param name="run">The samples.</param>
    /// <param name="here">What the model said at the new points.</param>
    /// <returns>Positions of the samples that stay, at the second checkpoint or a later one; null if all do.</returns>
    public Tensor? Hopeful(AttackRun run, AttackGradient here)
    {
        _loss.Learn(here.Loss);
        _margin.Learn(run.Advantage(here.Logits));
        _done++;
        if (_schedule.Advance() == 0 || _done - _looked < ShortestWindow) return null;
        var isFirst = _looked == 0;
        _looked = _done;
        var hopeless = _loss.Look(_done, _iterations).logical_and_(_margin.Look(_done, _iterations));
        if (isFirst) return null;
        // The progress of a sample without a gradient does not say what it would do with one.
        hopeless.logical_and_(here.Gradient.flatten(1).abs().amax(1) > 0);
        return HostRead.Bool(hopeless.any()) ? HostRead.Rows(hopeless.logical_not_()) : null;
    }

    public void Narrow(Tensor rows)
    {
        _loss.Narrow(rows);
        _margin.Narrow(rows);
    }

    public void Dispose()
    {
        _loss.Dispose();
        _margin.Dispose();
    }
}

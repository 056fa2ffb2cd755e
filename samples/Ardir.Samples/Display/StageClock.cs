using System.Diagnostics;

namespace Ardir.Samples;

/// <summary>The time that a job of several stages still takes, told by the stage that runs.</summary>
/// <param name="plan">What each stage costs.</param>
/// <param name="whole">The bar of the whole job.</param>
internal sealed class StageClock(TimeLeft plan, JobLine whole)
{
    private readonly Stopwatch _clock = Stopwatch.StartNew();
    private bool _settled;
    private int _stage = -1;

    /// <summary>The next stage.</summary>
    public StageClock Next()
    {
        plan.Begin(++_stage, 0);
        return this;
    }

    /// <summary>An earlier process did a share of this stage.</summary>
    public void Begin(double share) => plan.Begin(_stage, share);

    /// <summary>Notes how far the stage is.</summary>
    /// <param name="share">Share of it that is done.</param>
    /// <param name="settled">Whether an epoch is over: before the first, the program still warms up.</param>
    /// <returns>Something to put behind a line; empty until something is done after the first epoch, whose pace says little.</returns>
    public string After(double share, bool settled)
    {
        var left = plan.After(share, _clock.Elapsed);
        if (settled && !_settled)
        {
            _settled = true;
            plan.Restart(_clock.Elapsed);
            left = null;
        }
        var text = _settled && left is { } time ? TimeLeft.Text(time) : "";
        whole.Quiet(plan.Fraction, text);
        return text.Length == 0 ? "" : $", {text}";
    }
}

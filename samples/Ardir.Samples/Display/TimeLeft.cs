using System.Globalization;

namespace Ardir.Samples;

/// <summary>
/// How long a job of several stages still takes, from the pace of this process: work that an earlier process did costs nothing and says
/// nothing about the pace.
/// </summary>
/// <param name="work">What each stage costs, in any unit.</param>
internal sealed class TimeLeft(IReadOnlyList<double> work)
{
    private readonly double[] _begun = new double[work.Count];
    private readonly double[] _done = new double[work.Count];
    private TimeSpan _since;
    private int _stage;

    /// <summary>Share of the whole job that is done, 0 to 1.</summary>
    public double Fraction => Done / work.Sum();

    private double Done => Total(_done);

    /// <summary>Begins a stage; those before it are over.</summary>
    /// <param name="stage">The stage.</param>
    /// <param name="share">Share of it that an earlier process did, 0 to 1.</param>
    public void Begin(int stage, double share)
    {
        for (var i = 0; i < stage; i++) _done[i] = 1;
        (_stage, _begun[stage], _done[stage]) = (stage, share, share);
    }

    /// <summary>Judges the pace only by what is done from now on, because the program has warmed up until now.</summary>
    /// <param name="elapsed">Time that this process has worked.</param>
    public void Restart(TimeSpan elapsed)
    {
        _done.CopyTo(_begun, 0);
        _since = elapsed;
    }

    /// <summary>Notes how far the stage is that was begun last.</summary>
    /// <param name="share">Share of the stage that is done, 0 to 1.</param>
    /// <param name="elapsed">Time that this process has worked.</param>
    /// <returns>The time to the end of the last stage; null while there is nothing to judge by.</returns>
    public TimeSpan? After(double share, TimeSpan elapsed)
    {
        _done[_stage] = share;
        var here = Done - Total(_begun);
        return here > 0 ? (elapsed - _since) * ((work.Sum() - Done) / here) : null;
    }

    /// <summary>In words: <c>about 2:40 min left</c>.</summary>
    public static string Text(TimeSpan left) => left < TimeSpan.FromHours(1)
        ? string.Create(CultureInfo.InvariantCulture, $"about {(int)left.TotalMinutes}:{left.Seconds:00} min left")
        : string.Create(CultureInfo.InvariantCulture, $"about {left.TotalHours:F1} h left");

    private double Total(double[] shares) => work.Zip(shares, (cost, share) => cost * share).Sum();
}

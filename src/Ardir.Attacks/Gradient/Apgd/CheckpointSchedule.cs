namespace Ardir.Attacks;

/// <summary>
/// When APGD reconsiders its step size (Croce and Hein 2020, Sec. 3): first after 22 % of the iterations, then after windows that shrink
/// by 3 % down to 6 %. Shares are rounded down to whole iterations, at least one, as in the authors' code.
/// </summary>
internal sealed class CheckpointSchedule
{
    private readonly int _shrink;
    private readonly int _shortest;
    private int _window;
    private int _done;

    public CheckpointSchedule(int iterations)
    {
        _window = Share(0.22, iterations);
        _shortest = Share(0.06, iterations);
        _shrink = Share(0.03, iterations);
    }

    /// <summary>Counts an iteration.</summary>
    /// <returns>The number of iterations since the last checkpoint if this one ends at a checkpoint, otherwise 0.</returns>
    public int Advance()
    {
        if (++_done < _window) return 0;
        var window = _window;
        _done = 0;
        _window = Math.Max(_window - _shrink, _shortest);
        return window;
    }

    /// <summary>A share of the iterations in whole iterations, at least one.</summary>
    public static int Share(double share, int iterations) => Math.Max((int)(share * iterations), 1);
}

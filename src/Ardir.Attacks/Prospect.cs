using Ardir.Core;

namespace Ardir.Attacks;

/// <summary>
/// A value of each sample that an attack raises and that has to reach zero, and whether it still can, as far as its progress tells. It is
/// out of reach if it would stay below zero even though every step to come gained <c>maxSpeedup</c> times as much as the steps since the
/// last look did on average, and at least as much as all steps so far did, because progress may pause. Looks need more steps than the
/// look before. For attacks that give up samples, as <see cref="TargetedApgdAttack"/> and <see cref="SquareAttack"/> do.
/// </summary>
public sealed class Prospect : IDisposable
{
    private readonly double _maxSpeedup;
    private int _done;         // steps until the last look
    private Tensor _start;     // the value at the start,
    private Tensor _before;    // the best at the last look
    private Tensor _best;      // and the best so far

    /// <summary>Begins at the start points.</summary>
    /// <param name="start">The value there, [n].</param>
    /// <param name="maxSpeedup">How many times as fast as recent steps the steps to come may be; positive.</param>
    /// <exception cref="ArgumentOutOfRangeException">The speed-up is not positive.</exception>
    public Prospect(Tensor start, double maxSpeedup)
    {
        ArgumentNullException.ThrowIfNull(start);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(maxSpeedup);
        _maxSpeedup = maxSpeedup;
        _start = start.clone().DetachFromDisposeScope();
        _before = start.clone().DetachFromDisposeScope();
        _best = start.clone().DetachFromDisposeScope();
    }

    /// <summary>Takes the value at the new points.</summary>
    /// <param name="value">[n].</param>
    public void Learn(Tensor value) => Owned.Renew(ref _best, maximum(_best, value));

    /// <summary>Looks at the progress since the last look.</summary>
    /// <param name="done">Steps since the start.</param>
    /// <param name="steps">Steps in all.</param>
    /// <returns>Which samples are out of reach, bool [n]. A value that is NaN or infinite is not.</returns>
    public Tensor Look(int done, int steps)
    {
        var recent = (_best - _before).mul_(_maxSpeedup / (done - _done));
        var gain = maximum(recent, (_best - _start).mul_(1.0 / done));
        var outOfReach = gain.mul_(steps - done).add_(_best) < 0;
        Owned.Renew(ref _before, _best.clone());
        _done = done;
        return outOfReach;
    }

    /// <summary>Keeps some of the samples.</summary>
    /// <param name="rows">Their positions, int64 [m].</param>
    public void Narrow(Tensor rows)
    {
        Owned.Narrow(ref _start, rows);
        Owned.Narrow(ref _before, rows);
        Owned.Narrow(ref _best, rows);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _start.Dispose();
        _before.Dispose();
        _best.Dispose();
    }
}

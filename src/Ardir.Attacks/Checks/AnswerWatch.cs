using Ardir.Core;

namespace Ardir.Attacks;

/// <summary>
/// What one run of an attack noticed about the answers of the model, collected on the device and read once at the end, so that a GPU is not
/// stalled at every step: NaN logits, gradients that are no numbers, and the samples whose gradient was exactly zero.
/// </summary>
internal sealed class AnswerWatch(long samples, Device device) : IDisposable
{
    private Tensor? _nanLogits;
    private Tensor? _badGradients;
    private Tensor? _zeroGradients;   // int32 [samples]
    private Tensor? _noNumbers;       // int32 [samples]

    /// <summary>Looks at logits, [n,K].</summary>
    public void SeeLogits(Tensor logits)
    {
        using var nan = logits.detach().isnan().any();
        SoundnessWatch.Collect(ref _nanLogits, nan);
    }

    /// <summary>Looks at gradients that follow logits already seen.</summary>
    /// <param name="size">Largest absolute value of the gradient of each sample, [n].</param>
    public void SeeGradients(Tensor size)
    {
        // A NaN or an infinity is the largest. A bad gradient makes the next logits NaN; only one that came before them is the cause.
        using var finite = size.isfinite();
        using var bad = finite.all().logical_or_(_nanLogits!).logical_not_();
        SoundnessWatch.Collect(ref _badGradients, bad);
    }

    /// <summary>Remembers the samples that had nothing to follow, where even the largest absolute value is zero.</summary>
    /// <param name="size">As above.</param>
    /// <param name="positions">Of these samples among all of the run, int64 [n]; null when they are all.</param>
    /// <param name="reached">Samples that have what they were to reach, where zero says nothing; null if there are none.</param>
    public void SeeZeros(Tensor size, Tensor? positions, Tensor? reached = null)
    {
        using var scope = NewDisposeScope();
        var zero = size.logical_not();
        if (reached is not null) zero.logical_and_(reached.logical_not());
        Raise(ref _zeroGradients, zero, positions);
    }

    /// <summary>Remembers the samples whose gradient was no number.</summary>
    /// <param name="size">As above.</param>
    /// <param name="positions">As above.</param>
    public void SeeNoNumbers(Tensor size, Tensor? positions)
    {
        using var scope = NewDisposeScope();
        Raise(ref _noNumbers, size.isfinite().logical_not_(), positions);
    }

    /// <summary>Hands everything to a watch over many runs, which reads it later.</summary>
    public void GiveTo(SoundnessWatch watch) => watch.Add(_badGradients, _nanLogits, _zeroGradients);

    /// <summary>Whether logits were NaN or gradients were no numbers, so that the attack may have lost its way.</summary>
    public bool WasBroken() => Any(_nanLogits) || Any(_badGradients);

    /// <summary>Refuses a model whose logits or gradients are no numbers.</summary>
    /// <exception cref="InvalidOperationException">They were not.</exception>
    public void EnsureSound() => SoundnessWatch.Throw(Any(_badGradients), Any(_nanLogits));

    /// <summary>Positions of the samples whose gradient was exactly zero somewhere, and of those where it was no number; null when nobody
    /// asked for a gradient.</summary>
    public (long[] Zero, long[] NoNumber)? Gradients()
    {
        if (_zeroGradients is null) return null;
        var noNumber = Raised(_noNumbers);
        return ([.. Raised(_zeroGradients).Except(noNumber)], noNumber);
    }

    public void Dispose()
    {
        _nanLogits?.Dispose();
        _badGradients?.Dispose();
        _zeroGradients?.Dispose();
        _noNumbers?.Dispose();
    }

    private void Raise(ref Tensor? flags, Tensor rows, Tensor? positions)
    {
        flags ??= zeros([samples], ScalarType.Int32, device).DetachFromDisposeScope();
        if (positions is null) flags.logical_or_(rows);
        else flags.index_add_(0, positions, rows.to(ScalarType.Int32), 1);
    }

    private static long[] Raised(Tensor? flags)
    {
        if (flags is null) return [];
        var counts = HostRead.Array<int>(flags);
        return [.. Enumerable.Range(0, counts.Length).Where(i => counts[i] != 0).Select(i => (long)i)];
    }

    private static bool Any(Tensor? flag) => flag is not null && HostRead.Bool(flag);
}

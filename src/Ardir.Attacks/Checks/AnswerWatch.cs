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

    /// <summary>Looks at logits, [n,K].</summary>
    public void SeeLogits(Tensor logits)
    {
        using var nan = logits.detach().isnan().any();
        SoundnessWatch.Collect(ref _nanLogits, nan);
    }

    /// <summary>Looks at gradients that follow logits already seen.</summary>
    /// <param name="size">Sum of the absolute values of the gradient of each sample, [n].</param>
    public void SeeGradients(Tensor size)
    {
        // A NaN or an infinity makes the sum non-finite. A bad gradient makes the next logits NaN; only one that came before them is the
        // cause.
        using var finite = size.isfinite();
        using var bad = finite.all().logical_or_(_nanLogits!).logical_not_();
        SoundnessWatch.Collect(ref _badGradients, bad);
    }

    /// <summary>Remembers the samples that had nothing to follow: a sum of absolute values is zero only if every one of them is.</summary>
    /// <param name="size">As above.</param>
    /// <param name="positions">Of these samples among all of the run, int64 [n]; null when they are all.</param>
    /// <param name="reached">Samples that have what they were to reach, where zero says nothing; null if there are none.</param>
    public void SeeZeros(Tensor size, Tensor? positions, Tensor? reached = null)
    {
        using var scope = NewDisposeScope();
        var zero = size.logical_not();
        if (reached is not null) zero.logical_and_(reached.logical_not());
        _zeroGradients ??= zeros([samples], ScalarType.Int32, device).DetachFromDisposeScope();
        if (positions is null) _zeroGradients.logical_or_(zero);
        else _zeroGradients.index_add_(0, positions, zero.to(ScalarType.Int32), 1);
    }

    /// <summary>Hands everything to a watch over many runs, which reads it later.</summary>
    public void GiveTo(SoundnessWatch watch) => watch.Add(_badGradients, _nanLogits, _zeroGradients);

    /// <summary>Whether logits were NaN or gradients were no numbers, so that the attack may have lost its way.</summary>
    public bool WasBroken() => Any(_nanLogits) || Any(_badGradients);

    /// <summary>Refuses a model whose logits or gradients are no numbers.</summary>
    /// <exception cref="InvalidOperationException">They were not.</exception>
    public void EnsureSound() => SoundnessWatch.Throw(Any(_badGradients), Any(_nanLogits));

    /// <summary>Positions of the samples whose gradient was exactly zero somewhere; null when nobody asked for a gradient.</summary>
    public long[]? ZeroGradients()
    {
        if (_zeroGradients is null) return null;
        var counts = HostRead.Array<int>(_zeroGradients);
        return [.. Enumerable.Range(0, counts.Length).Where(i => counts[i] != 0).Select(i => (long)i)];
    }

    public void Dispose()
    {
        _nanLogits?.Dispose();
        _badGradients?.Dispose();
        _zeroGradients?.Dispose();
    }

    private static bool Any(Tensor? flag) => flag is not null && HostRead.Bool(flag);
}

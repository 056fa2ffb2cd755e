using Ardir.Core;

namespace Ardir.Attacks;

/// <summary>
/// Records during one run of an attack whether logits were NaN and which samples had gradients that were NaN, infinite or exactly zero.
/// The flags stay on the device and are read once at the end, so that a GPU is not stalled at every step.
/// </summary>
internal sealed class AnswerWatch(long samples, Device device) : IDisposable
{
    private Tensor? _nanLogits;
    private Tensor? _badGradients;
    private Tensor? _zeroGradients;        // int32 [samples]
    private Tensor? _nonFiniteGradients;   // int32 [samples]

    /// <summary>Looks at logits, [n,K].</summary>
    public void RecordLogits(Tensor logits)
    {
        using var nan = logits.detach().isnan().any();
        AttackDiagnostics.Collect(ref _nanLogits, nan);
    }

    /// <summary>Looks at gradients that follow logits already seen.</summary>
    /// <param name="size">Largest absolute value of the gradient of each sample, [n].</param>
    public void RecordGradients(Tensor size)
    {
        // NaN and infinity carry over to the largest absolute value. A bad gradient makes the next logits NaN, so only a gradient
        // that was bad before any NaN logits is recorded as the cause.
        using var finite = size.isfinite();
        using var bad = finite.all().logical_or_(_nanLogits!).logical_not_();
        AttackDiagnostics.Collect(ref _badGradients, bad);
    }

    /// <summary>Records the samples whose gradient is exactly zero, so that the attack cannot move.</summary>
    /// <param name="size">As above.</param>
    /// <param name="positions">Positions of these samples among all samples of the run, int64 [n]; null when they are all of
    /// them.</param>
    /// <param name="reached">Samples that have reached their goal, where a zero gradient is not recorded, bool [n]; null if there
    /// are none.</param>
    public void RecordZeroGradients(Tensor size, Tensor? positions, Tensor? reached = null)
    {
        using var scope = NewDisposeScope();
        var zero = size.logical_not();
        if (reached is not null) zero.logical_and_(reached.logical_not());
        Raise(ref _zeroGradients, zero, positions);
    }

    /// <summary>Records the samples whose gradient is NaN or infinite.</summary>
    /// <param name="size">As above.</param>
    /// <param name="positions">As above.</param>
    public void RecordNonFiniteGradients(Tensor size, Tensor? positions)
    {
        using var scope = NewDisposeScope();
        Raise(ref _nonFiniteGradients, size.isfinite().logical_not_(), positions);
    }

    /// <summary>Passes everything to a watch over many runs, which reads it later.</summary>
    public void ReportTo(AttackDiagnostics watch) => watch.Add(_badGradients, _nanLogits, _zeroGradients);

    /// <summary>Whether logits were NaN or gradients non-finite, so that the attack may have been misdirected.</summary>
    public bool FoundNonFinite() => Any(_nanLogits) || Any(_badGradients);

    /// <summary>Throws if logits were NaN or gradients non-finite.</summary>
    /// <exception cref="InvalidOperationException">They were.</exception>
    public void EnsureSound() => AttackDiagnostics.Throw(Any(_badGradients), Any(_nanLogits));

    /// <summary>Positions of the samples whose gradient was exactly zero at some point, and of those where it was NaN or infinite; null
    /// when no gradient was computed.</summary>
    public (long[] Zero, long[] NonFinite)? Gradients()
    {
        if (_zeroGradients is null) return null;
        var nonFinite = Raised(_nonFiniteGradients);
        return ([.. Raised(_zeroGradients).Except(nonFinite)], nonFinite);
    }

    public void Dispose()
    {
        _nanLogits?.Dispose();
        _badGradients?.Dispose();
        _zeroGradients?.Dispose();
        _nonFiniteGradients?.Dispose();
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

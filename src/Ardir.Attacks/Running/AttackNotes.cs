namespace Ardir.Attacks;

/// <summary>
/// What attacks report to the evaluation that runs them, by the numbers of the samples.
/// </summary>
internal sealed class AttackNotes
{
    /// <summary>Whether a point with NaN logits counts as broken instead of ending the attack. True for evaluations, which check every
    /// point themselves.</summary>
    public bool CountsNan { get; init; } = true;

    /// <summary>Samples at which an attack met a gradient that is exactly zero, whether or not it broke them in the end.</summary>
    public HashSet<long> ZeroGradients { get; } = [];

    /// <summary>Samples at which an attack met a gradient that is NaN or infinite although no logit is NaN.</summary>
    public HashSet<long> NonFiniteGradients { get; } = [];

    /// <summary>Samples at which an attack had a usable gradient, finite and not zero, at every step.</summary>
    public HashSet<long> Followed { get; } = [];

    /// <summary>Attacks within a composite attack that ended because no gradient flows through the model, while its other attacks
    /// ran.</summary>
    public HashSet<string> WithoutGradient { get; } = [];

    /// <summary>Whether an attack met a gradient of exactly zero at a sample, and no attack had a usable one at every step.</summary>
    public bool StoppedByZeroGradient(long number) => ZeroGradients.Contains(number) && !Followed.Contains(number);

    /// <summary>As <see cref="StoppedByZeroGradient"/>, for gradients that are NaN or infinite.</summary>
    public bool StoppedByNonFiniteGradient(long number) => NonFiniteGradients.Contains(number) && !Followed.Contains(number);

    /// <summary>Adds the notes of a nested evaluation.</summary>
    /// <param name="inner">The notes, by the positions of the images.</param>
    /// <param name="numbers">The number of each image; its position when null.</param>
    public void Add(AttackNotes inner, IReadOnlyList<long>? numbers)
    {
        IEnumerable<long> Numbered(HashSet<long> positions) =>
            positions.Select(position => numbers is null ? position : numbers[(int)position]);
        ZeroGradients.UnionWith(Numbered(inner.ZeroGradients));
        NonFiniteGradients.UnionWith(Numbered(inner.NonFiniteGradients));
        Followed.UnionWith(Numbered(inner.Followed));
        WithoutGradient.UnionWith(inner.WithoutGradient);
    }

    /// <summary>Adds the notes of one run of an attack that follows gradients.</summary>
    /// <param name="count">Samples of the run.</param>
    /// <param name="gradients">Positions of the samples whose gradient was exactly zero at some point, and of those where it was
    /// NaN or infinite.</param>
    /// <param name="numbers">The number of each sample; its position when null.</param>
    public void Add(int count, (long[] Zero, long[] NonFinite) gradients, IReadOnlyList<long>? numbers)
    {
        var (zero, nonFinite) = (gradients.Zero.ToHashSet(), gradients.NonFinite.ToHashSet());
        for (var position = 0; position < count; position++)
        {
            var met = zero.Contains(position) ? ZeroGradients : nonFinite.Contains(position) ? NonFiniteGradients : Followed;
            met.Add(numbers is null ? position : numbers[position]);
        }
    }
}

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
    public HashSet<long> NoNumbers { get; } = [];

    /// <summary>Samples at which an attack had a usable gradient, finite and not zero, at every step.</summary>
    public HashSet<long> Followed { get; } = [];

    /// <summary>Attacks within a composite attack that ended because no gradient flows through the model, while its other attacks
    /// ran.</summary>
    public HashSet<string> WithoutGradient { get; } = [];

    /// <summary>Whether an attack met a gradient of exactly zero at a sample, and no attack had a usable one at every step.</summary>
    public bool IsStuck(long number) => ZeroGradients.Contains(number) && !Followed.Contains(number);

    /// <summary>As <see cref="IsStuck"/>, for gradients that are NaN or infinite.</summary>
    public bool IsLost(long number) => NoNumbers.Contains(number) && !Followed.Contains(number);

    /// <summary>Adds the notes of a nested evaluation.</summary>
    /// <param name="inner">The notes, by the positions of the images.</param>
    /// <param name="numbers">The number of each image; its position when null.</param>
    public void Add(AttackNotes inner, IReadOnlyList<long>? numbers)
    {
        IEnumerable<long> Numbered(HashSet<long> positions) =>
            positions.Select(position => numbers is null ? position : numbers[(int)position]);
        ZeroGradients.UnionWith(Numbered(inner.ZeroGradients));
        NoNumbers.UnionWith(Numbered(inner.NoNumbers));
        Followed.UnionWith(Numbered(inner.Followed));
        WithoutGradient.UnionWith(inner.WithoutGradient);
    }

    /// <summary>Adds the notes of one run of an attack that follows gradients.</summary>
    /// <param name="count">Samples of the run.</param>
    /// <param name="gradients">Positions of the samples whose gradient was exactly zero at some point, and of those where it was
    /// NaN or infinite.</param>
    /// <param name="numbers">The number of each sample; its position when null.</param>
    public void Add(int count, (long[] Zero, long[] NoNumber) gradients, IReadOnlyList<long>? numbers)
    {
        var (zero, noNumber) = (gradients.Zero.ToHashSet(), gradients.NoNumber.ToHashSet());
        for (var position = 0; position < count; position++)
        {
            var met = zero.Contains(position) ? ZeroGradients : noNumber.Contains(position) ? NoNumbers : Followed;
            met.Add(numbers is null ? position : numbers[position]);
        }
    }
}

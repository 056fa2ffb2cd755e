namespace Ardir.Attacks;

/// <summary>
/// What attacks tell the evaluation that runs them, by the numbers of the samples.
/// </summary>
internal sealed class AttackNotes
{
    /// <summary>Whether a NaN answer counts against its image instead of ending the attack: for evaluations, which judge every point
    /// themselves.</summary>
    public bool CountsNan { get; init; } = true;

    /// <summary>Samples at which an attack met a gradient that is exactly zero, whether or not it broke them in the end.</summary>
    public HashSet<long> ZeroGradients { get; } = [];

    /// <summary>Samples at which an attack met a gradient that is no number although the logits are.</summary>
    public HashSet<long> NoNumbers { get; } = [];

    /// <summary>Samples at which an attack had a gradient to follow wherever it asked for one.</summary>
    public HashSet<long> Followed { get; } = [];

    /// <summary>Attacks within an attack that ended because no gradient flows through the model, while others went on.</summary>
    public HashSet<string> WithoutGradient { get; } = [];

    /// <summary>Samples that no attack could search: one met a gradient of exactly zero, and no other did better.</summary>
    public bool IsStuck(long number) => ZeroGradients.Contains(number) && !Followed.Contains(number);

    /// <summary>As <see cref="IsStuck"/>, for gradients that are no numbers.</summary>
    public bool IsLost(long number) => NoNumbers.Contains(number) && !Followed.Contains(number);

    /// <summary>Takes in what an evaluation within this one noticed.</summary>
    /// <param name="inner">By the positions of its images.</param>
    /// <param name="numbers">The number of each image; null: its position.</param>
    public void Add(AttackNotes inner, IReadOnlyList<long>? numbers)
    {
        IEnumerable<long> Numbered(HashSet<long> positions) =>
            positions.Select(position => numbers is null ? position : numbers[(int)position]);
        ZeroGradients.UnionWith(Numbered(inner.ZeroGradients));
        NoNumbers.UnionWith(Numbered(inner.NoNumbers));
        Followed.UnionWith(Numbered(inner.Followed));
        WithoutGradient.UnionWith(inner.WithoutGradient);
    }

    /// <summary>Takes in what a run of an attack that follows gradients noticed.</summary>
    /// <param name="count">Samples of the run.</param>
    /// <param name="gradients">Positions of those whose gradient was exactly zero somewhere, and of those where it was no number.</param>
    /// <param name="numbers">The number of each sample; null: its position.</param>
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

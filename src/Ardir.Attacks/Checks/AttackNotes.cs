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

    /// <summary>Samples at which an attack had a gradient to follow wherever it asked for one.</summary>
    public HashSet<long> Followed { get; } = [];

    /// <summary>Samples that no attack could search: one met a gradient of exactly zero, and no other did better.</summary>
    public bool IsStuck(long number) => ZeroGradients.Contains(number) && !Followed.Contains(number);

    /// <summary>Takes in what a run of an attack that follows gradients noticed.</summary>
    /// <param name="count">Samples of the run.</param>
    /// <param name="zero">Positions of those whose gradient was exactly zero somewhere.</param>
    /// <param name="numbers">The number of each sample; null: its position.</param>
    public void Add(int count, long[] zero, IReadOnlyList<long>? numbers)
    {
        var met = zero.ToHashSet();
        for (var position = 0; position < count; position++)
            (met.Contains(position) ? ZeroGradients : Followed).Add(numbers is null ? position : numbers[position]);
    }
}

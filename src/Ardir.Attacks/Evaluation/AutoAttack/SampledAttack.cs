namespace Ardir.Attacks;

/// <summary>That an attack of one unit runs on a random sample of the survivors first, and on the others only if it breaks an image of the
/// sample.</summary>
/// <param name="Attack">Index of the attack.</param>
/// <param name="Bound">The share of all images that it may miss, with a confidence of 95 %.</param>
internal sealed record SampledAttack(int Attack, double Bound)
{
    // So that a bound of 7 % of 100 images is 7 images, whatever 0.07 is in binary.
    private const double Rounding = 1e-9;

    /// <summary>That of a version of the ensemble; null for all but <see cref="AutoAttackVersion.Fast"/>.</summary>
    public static SampledAttack? Of(AutoAttackOptions options, IReadOnlyList<IAttack> attacks) =>
        options.Version == AutoAttackVersion.Fast ? new SampledAttack(attacks.Count - 1, options.FastBound) : null;

    /// <summary>How many of some images it may miss.</summary>
    public int Allowed(int images) => (int)Math.Floor(Bound * images + Rounding);
}

namespace Ardir.Attacks;

/// <summary>Options of <see cref="ApgdAttack"/>. The defaults are those of the standard version of AutoAttack.</summary>
public sealed record ApgdOptions
{
    /// <summary>Iterations per restart; each is one forward and one backward pass, and the start one more.</summary>
    /// <value>100 by default.</value>
    public int Iterations { get; init; } = 100;

    /// <summary>Independent random starts. Only samples that still resist continue with the next.</summary>
    /// <value>1 by default. AutoAttack uses 5 for L1 and in its "plus" version.</value>
    public int Restarts { get; init; } = 1;

    /// <summary>What to climb.</summary>
    /// <value><see cref="AttackLoss.CrossEntropy"/> by default (APGD-CE); <see cref="AttackLoss.Dlr"/> makes it APGD-DLR.</value>
    public IAttackLoss Loss { get; init; } = AttackLoss.CrossEntropy;

    /// <summary>Linf and L2: the step is halved when the loss rose in at most this share of the iterations since the last check; in
    /// (0,1).</summary>
    /// <value>0.75 by default.</value>
    public double Rho { get; init; } = 0.75;

    /// <summary>Evaluations per iteration of which the gradient is the mean (expectation over transformation), for models that are random.
    /// The last of them alone decides whether a point is adversarial and what its loss is, as in the authors' code.</summary>
    /// <value>1 by default; AutoAttack's "rand" version uses 20.</value>
    public int EotSamples { get; init; } = 1;

    /// <summary>L1 only: start with three times the radius, then two (30 % of the iterations each), which finds better points in the ball
    /// itself (Croce and Hein 2021, "Mind the box"). Each stage costs one more evaluation. No effect on other norms or with fewer than
    /// three iterations.</summary>
    /// <value>true by default, as in the standard version of AutoAttack.</value>
    public bool UseLargeRadii { get; init; } = true;

    internal ApgdSettings Validate()
    {
        OptionGuard.Positive(Iterations);
        OptionGuard.Positive(Restarts);
        ArgumentNullException.ThrowIfNull(Loss);
        OptionGuard.Share(Rho);
        OptionGuard.Positive(EotSamples);
        return new ApgdSettings(Iterations, Rho, EotSamples, UseLargeRadii);
    }
}

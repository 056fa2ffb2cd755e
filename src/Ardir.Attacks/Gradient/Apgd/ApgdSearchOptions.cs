namespace Ardir.Attacks;

/// <summary>What both forms of APGD share. The defaults are those of the standard version of AutoAttack.</summary>
public sealed record ApgdSearchOptions : RestartOptions
{
    /// <summary>Iterations per restart and target; each is one forward and one backward pass, and the start one more.</summary>
    /// <value>100 by default.</value>
    public int Iterations { get; init; } = 100;

    /// <summary>Linf and L2: the step is halved when the loss rose in at most this share of the iterations since the last check; in
    /// (0,1).</summary>
    /// <value>0.75 by default.</value>
    public double Rho { get; init; } = 0.75;

    /// <summary>L1 only: start with three times the radius, then two (30 % of the iterations each), which finds better points in the ball
    /// itself (Croce and Hein 2021, "Mind the box"). Each stage costs one more evaluation. No effect on other norms or with fewer than
    /// three iterations.</summary>
    /// <value>true by default, as in the standard version of AutoAttack.</value>
    public bool UseLargeRadii { get; init; } = true;

    /// <inheritdoc/>
    public override void Validate()
    {
        base.Validate();
        OptionGuard.Positive(Iterations);
        OptionGuard.Share(Rho);
    }
}

namespace Ardir.Attacks;

/// <summary>Options of <see cref="TargetedApgdAttack"/>. The defaults are those of the standard version of AutoAttack.</summary>
public sealed record TargetedApgdOptions
{
    /// <summary>Iterations per target and restart; each is one forward and one backward pass, and the start one more.</summary>
    /// <value>100 by default.</value>
    public int Iterations { get; init; } = 100;

    /// <summary>Independent random starts per target. Only samples that still resist continue with the next.</summary>
    /// <value>1 by default.</value>
    public int Restarts { get; init; } = 1;

    /// <summary>How many other classes to aim at, in the order of the clean logits; all of them if the model has fewer.</summary>
    /// <value>9 by default; the standard version of AutoAttack uses 5 for L1.</value>
    public int TargetClasses { get; init; } = 9;

    /// <summary>Linf and L2: the step is halved when the loss rose in at most this share of the iterations since the last check; in
    /// (0,1).</summary>
    /// <value>0.75 by default.</value>
    public double Rho { get; init; } = 0.75;

    /// <summary>Evaluations per iteration of which the gradient is the mean (expectation over transformation), for models that are
    /// random.</summary>
    /// <value>1 by default.</value>
    public int EotSamples { get; init; } = 1;

    /// <summary>L1 only: start with three times the radius, then two; see <see cref="ApgdOptions.UseLargeRadii"/>.</summary>
    /// <value>true by default, as in the standard version of AutoAttack.</value>
    public bool UseLargeRadii { get; init; } = true;

    internal ApgdSettings Validate()
    {
        OptionGuard.Positive(Iterations);
        OptionGuard.Positive(Restarts);
        OptionGuard.Positive(TargetClasses);
        OptionGuard.Share(Rho);
        OptionGuard.Positive(EotSamples);
        return new ApgdSettings(Iterations, Rho, EotSamples, UseLargeRadii);
    }
}

namespace Ardir.Attacks;

/// <summary>Options of <see cref="MiFgsmAttack"/>. The defaults are those of the paper (Dong et al. 2018).</summary>
public sealed record MiFgsmOptions
{
    /// <summary>Gradient steps.</summary>
    /// <value>10 by default.</value>
    public int Steps { get; init; } = 10;

    /// <summary>Size of a step in units of [0,1] pixels, in the norm of the threat model.</summary>
    /// <value>null by default: epsilon / <see cref="Steps"/>.</value>
    public double? StepSize { get; init; }

    /// <summary>How much of the accumulated gradient stays at each step, at least 0; 0 is the iterative gradient sign method.</summary>
    /// <value>1 by default.</value>
    public double Decay { get; init; } = 1;

    /// <summary>What to climb.</summary>
    /// <value><see cref="AttackLoss.CrossEntropy"/> by default.</value>
    public IAttackLoss Loss { get; init; } = AttackLoss.CrossEntropy;

    internal void Validate()
    {
        OptionGuard.Positive(Steps);
        OptionGuard.StepSize(StepSize);
        if (!(double.IsFinite(Decay) && Decay >= 0))
            throw new ArgumentOutOfRangeException(nameof(Decay), Decay, "Decay must be a finite number of at least 0.");
        OptionGuard.Start(Core.RandomStart.None, Loss);
    }
}

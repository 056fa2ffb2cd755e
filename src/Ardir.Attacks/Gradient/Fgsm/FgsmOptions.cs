using Ardir.Core;

namespace Ardir.Attacks;

/// <summary>Options of <see cref="FgsmAttack"/>. The defaults are the original attack (Goodfellow et al. 2015).</summary>
public sealed record FgsmOptions
{
    /// <summary>Size of the step in units of [0,1] pixels, in the norm of the threat model. Fast adversarial training (Wong et al. 2020)
    /// uses 1.25 * epsilon with a random start.</summary>
    /// <value>null by default: epsilon.</value>
    public double? StepSize { get; init; }

    /// <summary>Where the step starts. Note that the FGSM numbers of some papers (IAD) are one step from a random start.</summary>
    /// <value><see cref="RandomStart.None"/> by default.</value>
    public RandomStart Start { get; init; } = RandomStart.None;

    /// <summary>What to climb.</summary>
    /// <value><see cref="AttackLoss.CrossEntropy"/> by default.</value>
    public IAttackLoss Loss { get; init; } = AttackLoss.CrossEntropy;

    internal void Validate()
    {
        OptionGuard.StepSize(StepSize);
        OptionGuard.Start(Start, Loss);
    }
}

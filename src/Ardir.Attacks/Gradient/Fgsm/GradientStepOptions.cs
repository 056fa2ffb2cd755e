namespace Ardir.Attacks;

/// <summary>What the attacks share that step along the gradient of a loss.</summary>
public abstract record GradientStepOptions
{
    /// <summary>Size of a step in the units of the inputs, in the norm of the threat model. Fast adversarial training (Wong et al. 2020)
    /// uses FGSM with 1.25 * epsilon and a random start.</summary>
    /// <value>null by default: epsilon for FGSM, epsilon/4 for PGD (2/255 for 8/255), epsilon/<see cref="MiFgsmOptions.Steps"/> for
    /// MI-FGSM.</value>
    public double? StepSize { get; init; }

    /// <summary>The loss to maximise.</summary>
    /// <value><see cref="AttackLoss.CrossEntropy"/> by default.</value>
    public IAttackLoss Loss { get; init; } = AttackLoss.CrossEntropy;

    /// <summary>Checks every value. The attack that takes the options calls it once.</summary>
    /// <exception cref="ArgumentException">A value is out of range; the message names it and what was expected.</exception>
    public virtual void Validate()
    {
        OptionGuard.StepSize(StepSize);
        ArgumentNullException.ThrowIfNull(Loss);
    }
}

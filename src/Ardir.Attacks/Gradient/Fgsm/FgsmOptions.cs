using Ardir.Core;

namespace Ardir.Attacks;

/// <summary>Options of <see cref="FgsmAttack"/>. The defaults are the original attack (Goodfellow et al. 2015).</summary>
public sealed record FgsmOptions : GradientStepOptions
{
    /// <summary>Where the step starts. Note that the FGSM numbers of some papers (IAD) are one step from a random start.</summary>
    /// <value><see cref="RandomStart.None"/> by default.</value>
    public RandomStart Start { get; init; } = RandomStart.None;

    /// <inheritdoc/>
    public override void Validate()
    {
        base.Validate();
        OptionGuard.Start(Start, Loss);
    }
}

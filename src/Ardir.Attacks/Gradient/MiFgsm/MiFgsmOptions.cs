using Ardir.Core;

namespace Ardir.Attacks;

/// <summary>Options of <see cref="MiFgsmAttack"/>. The defaults are those of the paper (Dong et al. 2018).</summary>
public sealed record MiFgsmOptions : GradientStepOptions
{
    /// <summary>Gradient steps.</summary>
    /// <value>10 by default.</value>
    public int Steps { get; init; } = 10;

    /// <summary>How much of the accumulated gradient stays at each step, at least 0; 0 is the iterative gradient sign method.</summary>
    /// <value>1 by default.</value>
    public double Decay { get; init; } = 1;

    /// <inheritdoc/>
    public override void Validate()
    {
        base.Validate();
        OptionGuard.Positive(Steps);
        if (!(double.IsFinite(Decay) && Decay >= 0))
            throw new ArgumentOutOfRangeException(nameof(Decay), Decay, "Decay must be a finite number of at least 0.");
        OptionGuard.Start(RandomStart.None, Loss, nameof(Loss));
    }
}

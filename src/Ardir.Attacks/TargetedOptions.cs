namespace Ardir.Attacks;

/// <summary>Options of attacks that aim at one class after another.</summary>
public abstract record TargetedOptions
{
    /// <summary>How many other classes to aim at, in the order of the clean logits; all of them if the model has fewer.</summary>
    /// <value>9 by default; the standard version of AutoAttack uses 5 for APGD in L1.</value>
    public int Classes { get; init; } = 9;

    /// <summary>Checks every value. The attack that takes the options calls it once.</summary>
    /// <exception cref="ArgumentException">A value is out of range; the message names it and what was expected.</exception>
    public virtual void Validate() => OptionGuard.Positive(Classes);

    /// <summary>How many classes are aimed at.</summary>
    /// <param name="classes">How many classes the model has.</param>
    /// <returns><see cref="Classes"/>, or all classes but the label if there are fewer.</returns>
    public int TargetsAmong(long classes) => (int)Math.Min(Classes, classes - 1);
}

namespace Ardir.Attacks;

/// <summary>Options of attacks that consist of units (<see cref="UnitAttack"/>) and may repeat them.</summary>
public abstract record RestartOptions
{
    /// <summary>Independent attempts. Only samples that still resist continue with the next.</summary>
    /// <value>1 by default. AutoAttack's "plus" version uses 5 for APGD and FAB.</value>
    public int Restarts { get; init; } = 1;

    /// <summary>Checks every value. The attack that takes the options calls it once.</summary>
    /// <exception cref="ArgumentException">A value is out of range; the message names it and what was expected.</exception>
    public virtual void Validate() => OptionGuard.Positive(Restarts);
}

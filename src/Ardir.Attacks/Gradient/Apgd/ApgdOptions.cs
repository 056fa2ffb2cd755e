namespace Ardir.Attacks;

/// <summary>Options of <see cref="ApgdAttack"/>. The defaults are those of the standard version of AutoAttack.</summary>
public sealed record ApgdOptions
{
    /// <summary>Iterations, restarts and step sizes.</summary>
    public ApgdSearchOptions Search { get; init; } = new();

    /// <summary>The loss to maximise.</summary>
    /// <value><see cref="AttackLoss.CrossEntropy"/> by default (APGD-CE); <see cref="AttackLoss.Dlr"/> makes it APGD-DLR.</value>
    public IAttackLoss Loss { get; init; } = AttackLoss.CrossEntropy;

    /// <summary>Checks every value. The attack that takes the options calls it once.</summary>
    /// <exception cref="ArgumentException">A value is out of range; the message names it and what was expected.</exception>
    public void Validate()
    {
        ArgumentNullException.ThrowIfNull(Search);
        Search.Validate();
        ArgumentNullException.ThrowIfNull(Loss);
    }
}

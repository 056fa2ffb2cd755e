namespace Ardir.Attacks;

/// <summary>Options of <see cref="TargetedApgdAttack"/>. The defaults are those of the standard version of AutoAttack.</summary>
public sealed record TargetedApgdOptions : TargetedOptions
{
    /// <summary>Iterations, restarts and step sizes for each target.</summary>
    public ApgdSearchOptions Search { get; init; } = new();

    /// <inheritdoc/>
    public override void Validate()
    {
        base.Validate();
        ArgumentNullException.ThrowIfNull(Search);
        Search.Validate();
    }
}

namespace Ardir.Attacks;

/// <summary>Options of <see cref="TargetedFabAttack"/>. The defaults are those of AutoAttack (Croce and Hein 2020).</summary>
public sealed record TargetedFabOptions : TargetedOptions
{
    /// <summary>Iterations, restarts and steps for each target.</summary>
    public FabOptions Search { get; init; } = new();

    /// <inheritdoc/>
    public override void Validate()
    {
        base.Validate();
        ArgumentNullException.ThrowIfNull(Search);
        Search.Validate();
    }
}

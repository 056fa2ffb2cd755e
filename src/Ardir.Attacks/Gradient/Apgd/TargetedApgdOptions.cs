namespace Ardir.Attacks;

/// <summary>Options of <see cref="TargetedApgdAttack"/>. The defaults are those of the standard version of AutoAttack.</summary>
public sealed record TargetedApgdOptions : TargetedOptions
{
    /// <summary>Iterations, restarts and step sizes for each target.</summary>
    public ApgdSearchOptions Search { get; init; } = new();

    /// <summary>A sample leaves a target at a checkpoint of the step size, from the second on (after 41 % of the iterations), when
    /// neither the loss toward the target nor the margin over all classes would reach success, even if each iteration to come gained ten
    /// times as much as those since the last checkpoint did (or as much as an iteration gained on average so far, if that is more). In L1
    /// with large radii only in the last stage, the ball itself. Checkpoints less than five iterations after the last one do not count, so
    /// that runs of up to ten iterations are not affected. No effect within <see cref="EotAttack"/>, and none at a point whose gradient is
    /// zero.</summary>
    /// <value>true by default: more than half of the passes would be spent on such samples. The published code never gives up.</value>
    public bool GiveUp { get; init; } = true;

    /// <inheritdoc/>
    public override void Validate()
    {
        base.Validate();
        ArgumentNullException.ThrowIfNull(Search);
        Search.Validate();
    }
}

namespace Ardir.Core;

/// <summary>How weights are loaded.</summary>
public sealed record LoadOptions
{
    /// <summary>Refuses anything that is missing, unexpected or of another shape, before the first weight is changed. Otherwise loads what fits.</summary>
    /// <value>true by default.</value>
    public bool Strict { get; init; } = true;
}

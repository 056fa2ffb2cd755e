namespace Ardir.Core;

/// <summary>How weights are loaded.</summary>
public sealed record LoadOptions
{
    /// <summary>
    /// Whether loading fails, before the first weight is changed, if anything is missing, unexpected or of another shape. If false,
    /// everything that fits is loaded.
    /// </summary>
    /// <value>true by default.</value>
    public bool Strict { get; init; } = true;
}

namespace Ardir.Core;

/// <summary>How well a state dictionary fits the network that <see cref="ModelCatalog"/> guessed.</summary>
public enum ModelCertainty
{
    /// <summary>No known network has such entries.</summary>
    Unknown,

    /// <summary>The names point to one network, but entries are missing, are left over or have another shape.</summary>
    Partial,

    /// <summary>Several networks have exactly these entries; the file alone does not show which of them made it.</summary>
    Ambiguous,

    /// <summary>One known network has exactly these entries.</summary>
    Exact,
}

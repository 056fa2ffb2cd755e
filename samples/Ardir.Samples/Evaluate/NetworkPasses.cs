namespace Ardir.Samples;

/// <summary>How the passes of the network compute.</summary>
internal enum NetworkPasses
{
    /// <summary>As the network is.</summary>
    Plain,

    /// <summary>Cheaper in every way that leaves results as they are up to rounding.</summary>
    Cheap,
}

namespace Ardir.Attacks;

/// <summary>Values of <see cref="AttackContext.Shards"/>.</summary>
public static class AttackShards
{
    /// <summary>As many threads as libtorch uses, if a short measurement on the first batch finds them faster than one thread that
    /// libtorch helps with all cores. Two runs with the same seed may choose differently and then differ in the last digits.</summary>
    public const int Automatic = 0;
}

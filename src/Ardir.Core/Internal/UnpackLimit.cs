namespace Ardir.Core;

/// <summary>How much may come out of a file, so that a small one cannot fill the memory. Real weights and images shrink to a third at most, not to a hundredth.</summary>
internal static class UnpackLimit
{
    public const int MaxGrowth = 64;
    private const long Spare = 64L << 20;

    /// <summary>Bytes that a file of this length may hold; files below a megabyte get a fixed amount, since empty arrays do shrink.</summary>
    public static long Of(long fileLength) => Spare + MaxGrowth * fileLength;
}

namespace Ardir.Core;

/// <summary>Limits how many bytes a compressed file may unpack to, so that a small file cannot fill the memory. Real weights and images
/// compress to a third at best, not to a hundredth.</summary>
internal static class UnpackLimit
{
    public const int MaxGrowth = 64;
    private const long Spare = 64L << 20;

    /// <summary>Bytes that a file of this length may unpack to: 64 MiB plus 64 times the length. The fixed part is for small files of
    /// zeros, which do compress that well.</summary>
    public static long Of(long fileLength) => Spare + MaxGrowth * fileLength;
}

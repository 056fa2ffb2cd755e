namespace Ardir.Core;

/// <summary>
/// SplitMix64 (Steele, Lea and Flood 2014): the library's only source of random bits, so that results do not depend on the generator of
/// .NET or libtorch.
/// </summary>
internal static class SeedMixer
{
    private const ulong GoldenGamma = 0x9E3779B97F4A7C15;

    /// <summary>The next 64 bits of the stream.</summary>
    public static ulong Next(ref ulong state) => Finalize(state += GoldenGamma);

    /// <summary>A seed that depends on both numbers and on their order.</summary>
    public static ulong Mix(ulong seed, ulong value) => Finalize(Finalize(seed + GoldenGamma) ^ (value * 0xD1B54A32D192ED03 + GoldenGamma));

    /// <summary>A seed for one of several purposes named in code.</summary>
    public static ulong Mix(ulong seed, string purpose)
    {
        var hash = 0xCBF29CE484222325;   // FNV-1a: stable across processes, unlike string.GetHashCode
        foreach (var c in purpose) hash = (hash ^ c) * 0x100000001B3;
        return Mix(seed, hash);
    }

    /// <summary>53 random bits as a number in [0,1).</summary>
    public static double ToUnit(ulong bits) => (bits >> 11) * (1.0 / (1UL << 53));

    /// <summary>Uniform in 0..bound-1 (bias below 2^-32 for the bounds used here).</summary>
    public static int ToInt(ulong bits, int bound) => (int)(((UInt128)bits * (uint)bound) >> 64);

    /// <summary>A permutation of 0..count-1 (Fisher-Yates), the same for the same seed on every machine.</summary>
    public static long[] Permutation(ulong seed, int count)
    {
        var order = new long[count];
        for (var i = 0; i < count; i++) order[i] = i;
        for (var i = count - 1; i > 0; i--)
        {
            var j = ToInt(Next(ref seed), i + 1);
            (order[i], order[j]) = (order[j], order[i]);
        }
        return order;
    }

    private static ulong Finalize(ulong z)
    {
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }
}

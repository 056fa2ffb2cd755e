namespace Ardir.Core;

/// <summary>
/// SplitMix64 (Steele, Lea and Flood 2014): the library's only source of random bits, so that results do not depend on the generator of
/// .NET or libtorch.
/// </summary>
public static class SeedMixer
{
    private const ulong GoldenGamma = 0x9E3779B97F4A7C15;

    /// <summary>The next 64 bits of the stream.</summary>
    /// <param name="state">The stream's state, which moves on; any number is a valid start.</param>
    /// <returns>64 random bits.</returns>
    public static ulong Next(ref ulong state) => Finalize(state += GoldenGamma);

    /// <summary>A seed that depends on both numbers and on their order.</summary>
    /// <param name="seed">A seed.</param>
    /// <param name="value">What to mix into it, for example the number of a sample or of an epoch.</param>
    /// <returns>The seed of another stream.</returns>
    public static ulong Mix(ulong seed, ulong value) => Finalize(Finalize(seed + GoldenGamma) ^ (value * 0xD1B54A32D192ED03 + GoldenGamma));

    /// <summary>A seed for one of several purposes named in code.</summary>
    /// <param name="seed">A seed.</param>
    /// <param name="purpose">The purpose, for example the name of an attack.</param>
    /// <returns>The seed of another stream, the same in every process.</returns>
    public static ulong Mix(ulong seed, string purpose)
    {
        ArgumentNullException.ThrowIfNull(purpose);
        var hash = 0xCBF29CE484222325;   // FNV-1a: stable across processes, unlike string.GetHashCode
        foreach (var c in purpose) hash = (hash ^ c) * 0x100000001B3;
        return Mix(seed, hash);
    }

    /// <summary>53 random bits as a number in [0,1).</summary>
    /// <param name="bits">64 random bits.</param>
    /// <returns>A number from 0 to below 1.</returns>
    public static double ToUnit(ulong bits) => (bits >> 11) * (1.0 / (1UL << 53));

    /// <summary>Uniform in 0..bound-1 (bias below 2^-32 for bounds up to 2^32).</summary>
    /// <param name="bits">64 random bits.</param>
    /// <param name="bound">The number of values, at least 1.</param>
    /// <returns>A number from 0 to <paramref name="bound"/> - 1.</returns>
    public static int ToInt(ulong bits, int bound) => (int)(((UInt128)bits * (uint)bound) >> 64);

    /// <summary>A permutation of 0..count-1 (Fisher-Yates), the same for the same seed on every machine.</summary>
    /// <param name="seed">The seed.</param>
    /// <param name="count">How many numbers.</param>
    /// <returns>Each number once.</returns>
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

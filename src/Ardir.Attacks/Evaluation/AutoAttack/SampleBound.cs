using System.Numerics;

namespace Ardir.Attacks;

/// <summary>
/// What a random sample without a hit says about the images outside of it, exactly, with a confidence of 95 %. If an attack would break K
/// of S images, a sample of m of them, drawn without replacement, contains none of the K with probability C(S-K,m) / C(S,m). Every K for
/// which this is at most 5 % is ruled out.
/// </summary>
internal static class SampleBound
{
    // 5 %, as 1 in 20: whole numbers decide exactly, also where a probability is exactly 5 %.
    private const int Doubt = 20;

    /// <summary>The largest number of images that the attack may break although the sample has no hit.</summary>
    /// <param name="images">S, all of them.</param>
    /// <param name="sampled">m, at most S.</param>
    public static int MissedAtMost(int images, int sampled)
    {
        // No hit becomes less likely with every image that could be hit.
        var (possible, ruledOut) = (0, images - sampled + 1);
        while (ruledOut - possible > 1)
        {
            var middle = (possible + ruledOut) / 2;
            if (MayMiss(images, middle, sampled)) possible = middle;
            else ruledOut = middle;
        }
        return possible;
    }

    /// <summary>The size of the smallest sample, of one image at least, that rules out more than some number of images.</summary>
    /// <param name="images">S, all of them.</param>
    /// <param name="allowed">How many images the attack may break although the sample has no hit.</param>
    public static int SampleSize(int images, int allowed)
    {
        if (images == 0) return 0;
        var (small, enough) = (0, images);
        while (enough - small > 1)
        {
            var middle = (small + enough) / 2;
            if (MissedAtMost(images, middle) <= allowed) enough = middle;
            else small = middle;
        }
        return enough;
    }

    // C(S-K,m) / C(S,m) is a product of m factors, and as well of K factors: the shorter one is computed.
    private static bool MayMiss(int images, int broken, int sampled)
    {
        var (factors, other) = (Math.Min(broken, sampled), Math.Max(broken, sampled));
        var (missed, all) = (BigInteger.One, BigInteger.One);
        for (var i = 0; i < factors; i++) (missed, all) = (missed * (images - other - i), all * (images - i));
        return missed * Doubt > all;
    }
}

using Ardir.Attacks;
using CsCheck;

namespace Ardir.Tests;

/// <summary>How much a sample without a hit guarantees, against sums over all samples that there are.</summary>
public sealed class SampleBoundTests
{
    [Theory]
    [InlineData(20, 19, 0)]    // exactly 5 %: one image would be missed by 1 of 20 samples, which is ruled out
    [InlineData(20, 18, 1)]
    [InlineData(19, 18, 1)]    // 1 of 19 is more than 5 %
    [InlineData(7, 7, 0)]
    [InlineData(7, 0, 7)]
    [InlineData(0, 0, 0)]
    public void MissedAtMost_FewImages_CountedByHand(int images, int sampled, int missed) =>
        SampleBound.MissedAtMost(images, sampled).Should().Be(missed);

    [Theory]
    [InlineData(173, 12, 35)]
    [InlineData(1352, 20, 179)]
    [InlineData(6700, 100, 195)]
    public void SampleSize_UsualEvaluations_IsHardlySmallerThanWithReplacement(int survivors, int allowed, int size)
    {
        var found = SampleBound.SampleSize(survivors, allowed);
        found.Should().Be(size);
        // With replacement one draw misses k images with probability 1 - k/S.
        var binomial = (int)Math.Ceiling(Math.Log(0.05) / Math.Log(1 - (allowed + 1.0) / survivors));
        found.Should().BeInRange(binomial * 9 / 10, binomial);
    }

    [Fact]
    public void MissedAtMost_AnySample_IsTheLargestNumberThatTheHypergeometricSumLeavesOpen() =>
        Gen.Int[1, 60].SelectMany(images => Gen.Int[0, images].Select(sampled => (images, sampled))).Sample(pair =>
        {
            var possible = Enumerable.Range(0, pair.images + 1).Where(broken => NoHit(pair.images, broken, pair.sampled) > 0.05 + 1e-12);
            SampleBound.MissedAtMost(pair.images, pair.sampled).Should().Be(possible.Max());
        });

    [Fact]
    public void SampleSize_AnyBound_IsTheSmallestThatKeepsIt() =>
        Gen.Int[1, 3000].SelectMany(images => Gen.Int[0, images].Select(allowed => (images, allowed))).Sample(pair =>
        {
            var size = SampleBound.SampleSize(pair.images, pair.allowed);
            size.Should().BeInRange(1, pair.images);
            SampleBound.MissedAtMost(pair.images, size).Should().BeLessThanOrEqualTo(pair.allowed);
            if (size > 1) SampleBound.MissedAtMost(pair.images, size - 1).Should().BeGreaterThan(pair.allowed);
        }, iter: 200);

    [Fact]
    public void MissedAtMost_SamplesThatAreDrawn_HoldInNineteenOfTwenty()
    {
        // 40 images of which 6 break. The bound fails if a sample of 16 has no hit although more would break than it says.
        var (random, wrong, bound) = (new Random(4), 0, SampleBound.MissedAtMost(40, 16));
        bound.Should().Be(5);
        const int draws = 20_000;
        for (var draw = 0; draw < draws; draw++)
        {
            var order = Enumerable.Range(0, 40).ToArray();
            random.Shuffle(order);
            if (order.Take(16).All(image => image >= 6)) wrong++;
        }
        (wrong / (double)draws).Should().BeApproximately(NoHit(40, 6, 16), 0.005).And.BeLessThan(0.05);
    }

    [Theory]
    [InlineData(0.07, 100, 7)]
    [InlineData(0.29, 100, 29)]
    [InlineData(0.05, 256, 12)]
    [InlineData(0.01, 2000, 20)]
    [InlineData(0.01, 99, 0)]
    public void Allowed_Shares_AreWholeImages(double bound, int images, int allowed) =>
        new SampledAttack(0, bound).Allowed(images).Should().Be(allowed);

    /// <summary>Probability that a sample has none of the images that break: the sum over all numbers of hits is 1, so the rest is at least one hit.</summary>
    private static double NoHit(int images, int broken, int sampled) => 1 - Enumerable.Range(1, sampled)
        .Sum(hits => Choose(broken, hits) * Choose(images - broken, sampled - hits) / Choose(images, sampled));

    // By Pascal's rule, another way than the library's.
    private static double Choose(int n, int k)
    {
        if (k < 0 || k > n) return 0;
        var row = new double[n + 1];
        row[0] = 1;
        for (var i = 1; i <= n; i++)
            for (var j = i; j > 0; j--) row[j] += row[j - 1];
        return row[k];
    }
}

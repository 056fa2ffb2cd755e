using Ardir.Attacks;
using Ardir.Core;

namespace Ardir.Tests;

/// <summary>When APGD gives up which samples, from scripted losses, margins and gradients.</summary>
public sealed class ApgdOutlookTests
{
    // The checkpoints of 40 iterations are 8, 15, 21, 26, 30, 33, 35, 37 and 39; those that follow the last one that counts by less than five do not count.
    [Theory]
    [InlineData(100, new[] { 41, 57, 70, 80, 87, 93, 99 })]
    [InlineData(40, new[] { 15, 21, 26, 33, 39 })]
    [InlineData(10, new int[0])]
    public void Hopeful_NoProgress_LeavesAtTheSecondCheckpointAndEachAfterIt(int iterations, int[] expected)
    {
        var left = new List<int>();
        Watch(iterations, (_, _) => (-1, -1, 1), (iteration, stay) => left.Add(iteration));
        left.Should().Equal(expected);
    }

    // Sample 0 has no progress at all, 1 and 2 have enough in one of the values, 3 has no gradient and 4 no number: only the first leaves.
    [Fact]
    public void Hopeful_EitherValueInReach_OrNoGradientOrNumber_Stays()
    {
        var stays = new List<long[]>();
        Watch(100, (sample, iteration) => (
            sample == 1 ? -1 + 0.004 * iteration : sample == 4 ? double.NaN : -1,
            sample == 2 ? -1 + 0.004 * iteration : -1,
            sample == 3 ? 0 : 1), (iteration, stay) => stays.Add(stay), samples: 5);
        stays[0].Should().Equal(1, 2, 3, 4);
    }

    // From -1 with a gain of s in each iteration: at 41 it is -1 + 41 s, and ten times s in each of the 59 that remain is enough from s = 1 / 631 on.
    [Theory]
    [InlineData(630, false)]
    [InlineData(632, true)]
    public void Hopeful_TenTimesThePaceOfTheLastWindow_MustBeEnough(double steps, bool leaves)
    {
        var left = new List<int>();
        Watch(100, (_, iteration) => (-1 + iteration / steps, -1, 1), (iteration, _) => left.Add(iteration));
        left.Contains(41).Should().Be(leaves);
    }

    // Values of all samples in every iteration: loss, margin, and what the gradient consists of.
    private static void Watch(
        int iterations, Func<int, int, (double Loss, double Margin, double Gradient)> script, Action<int, long[]> left, int samples = 1)
    {
        using var scope = NewDisposeScope();
        using var model = new FuncModel(x => cat([ones_like(x.flatten(1)), zeros_like(x.flatten(1))], 1));
        var ran = false;
        new ProbeAttack(ThreatModel.Linf(0.1), run =>
        {
            AttackGradient Here(int iteration)
            {
                var values = Enumerable.Range(0, samples).Select(sample => script(sample, iteration)).ToList();
                var margins = tensor([.. values.Select(value => value.Margin)]);
                return new AttackGradient(
                    stack([zeros_like(margins), margins], 1), tensor([.. values.Select(value => value.Loss)]),
                    tensor([.. values.Select(value => value.Gradient)], [samples, 1, 1, 1]));
            }

            using var outlook = new ApgdOutlook(run, Here(0), iterations);
            for (var iteration = 1; iteration < iterations; iteration++)
                if (outlook.Hopeful(run, Here(iteration)) is { } stay) left(iteration, TensorAssert.Longs(stay));
            ran = true;
            return run.Images;
        }).Perturb(model, full([samples, 1, 1, 1], 0.5, ScalarType.Float64), zeros(samples, ScalarType.Int64));
        ran.Should().BeTrue();
    }
}

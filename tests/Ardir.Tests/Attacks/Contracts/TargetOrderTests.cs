using Ardir.Attacks;
using Ardir.Core;

namespace Ardir.Tests;

/// <summary>Targeted attacks aim at one class after another, all restarts at the same class before the next.</summary>
public sealed class TargetOrderTests
{
    // Logits of three classes: 5 for the label, then the pixels themselves. Every point that an attack asks about, the clean image first.
    private static List<double[]> Points(IAttack attack)
    {
        using var scope = NewDisposeScope();
        var points = new List<double[]>();
        using var model = new FuncModel(x =>
        {
            points.Add(TensorAssert.Values(x));
            var pixels = x.flatten(1);
            return cat([full_like(pixels.narrow(1, 0, 1), 5), pixels], 1);
        });
        attack.Perturb(model, tensor(new[] { 0.6, 0.5 }, [1, 1, 1, 2]), zeros(1, ScalarType.Int64));
        return points;
    }

    [Fact]
    public void TargetedApgd_FourUnits_ClimbTheFirstPixelTwiceAndThenTheSecond()
    {
        var options = new TargetedApgdOptions { Search = new() { Iterations = 5, Restarts = 2 }, Classes = 2 };
        var points = Points(new TargetedApgdAttack(ThreatModel.Linf(0.1), options));
        // Each unit starts at random in both pixels and then moves the one that its target's logit is, to the edge of the ball.
        points.Should().HaveCount(1 + 4 * 6);
        var units = points.Skip(1).Chunk(6).ToList();
        for (var unit = 0; unit < 4; unit++)
        {
            var (aim, other) = (unit / 2, 1 - unit / 2);
            units[unit][^1][aim].Should().BeApproximately(aim == 0 ? 0.7 : 0.6, 1e-12, "unit {0}", unit);
            units[unit].Should().OnlyContain(point => Math.Abs(point[other] - units[unit][0][other]) < 1e-12, "unit {0}", unit);
        }
        units.Select(unit => unit[0][0]).Should().OnlyHaveUniqueItems("each unit has a stream of its own");
    }

    [Fact]
    public void TargetedFab_FourUnits_CrossTowardTheFirstPixelTwiceAndThenTheSecond()
    {
        var options = new TargetedFabOptions { Search = new() { Iterations = 4, Restarts = 2 }, Classes = 2 };
        var points = Points(new TargetedFabAttack(ThreatModel.Linf(0.1), options));
        // No point of the box is on the boundary, so each step goes to the corner nearest to it: the target's pixel at one.
        points.Should().HaveCount(1 + 4 * 5);
        var units = points.Skip(1).Chunk(5).ToList();
        for (var unit = 0; unit < 4; unit++)
        {
            var (aim, other) = (unit / 2, 1 - unit / 2);
            units[unit][^1][aim].Should().BeApproximately(1, 1e-12, "unit {0}", unit);
            Math.Abs(units[unit][^1][other] - (other == 0 ? 0.6 : 0.5)).Should().BeLessThan(0.1, "unit {0}", unit);
            // The first restart of each target starts at the image itself.
            if (unit % 2 == 0) units[unit][0].Should().Equal(0.6, 0.5);
            else units[unit][0].Should().NotEqual([0.6, 0.5]);
        }
    }
}

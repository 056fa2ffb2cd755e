using Ardir.Core;
using static Ardir.Benchmarks.PlainPasses;

namespace Ardir.Benchmarks;

/// <summary>APGD (Croce and Hein 2020) in Linf as a user would write it from the paper: all images of a batch go through all iterations.</summary>
internal static class PlainApgd
{
    public static Tensor Run(IModule model, Tensor clean, Tensor labels, double epsilon, int iterations, Func<Tensor, Tensor> loss)
    {
        using var scope = NewDisposeScope();
        var t = rand_like(clean) * 2 - 1;
        var x = (clean + epsilon * t / (t.abs().amax([1, 2, 3], true) + 1e-12)).clamp(0, 1);
        var (g, best, _) = Gradient(model, x, labels, loss);
        var (before, bestX, bestG, found) = (x.clone(), x.clone(), g.clone(), x.clone());
        var (step, last, atCheck) = (full_like(Wide(best), 2 * epsilon), best.clone(), best.clone());
        var (rises, halved) = (zeros_like(best), ones_like(best, ScalarType.Bool));
        var (window, shrink, least, inWindow) = ((int)(0.22 * iterations), (int)(0.03 * iterations), (int)(0.06 * iterations), 0);
        for (var i = 0; i < iterations; i++)
        {
            using var iteration = NewDisposeScope();
            var (a, move) = (i == 0 ? 1 : 0.75, x - before);
            Keep(ref before, x.clone());
            var proposed = Project(x + step * g.sign(), clean, epsilon);
            Keep(ref x, Project(x + a * (proposed - x) + (1 - a) * move, clean, epsilon));
            var (gradient, value, wrong) = Gradient(model, x, labels, loss);
            Keep(ref g, gradient);
            Keep(ref found, where(Wide(wrong), x, found));
            Keep(ref rises, rises + (value > last).to(value.dtype));
            Keep(ref last, value.clone());
            var better = value > best;
            Keep(ref bestX, where(Wide(better), x, bestX));
            Keep(ref bestG, where(Wide(better), g, bestG));
            Keep(ref best, maximum(best, value));
            if (++inWindow < window) continue;
            var halve = (rises <= 0.75 * window).logical_or(halved.logical_not().logical_and(best <= atCheck));
            Keep(ref step, where(Wide(halve), step / 2, step));
            Keep(ref x, where(Wide(halve), bestX, x));
            Keep(ref g, where(Wide(halve), bestG, g));
            Keep(ref halved, halve);
            Keep(ref atCheck, best.clone());
            Keep(ref rises, zeros_like(rises));
            (window, inWindow) = (Math.Max(window - shrink, least), 0);
        }
        return found.MoveToOuterDisposeScope();
    }

    /// <summary>One run for each target, on the images that no run before has broken.</summary>
    public static Tensor RunTargeted(IModule model, Tensor clean, Tensor labels, double epsilon, int iterations, int targets) =>
        PlainTargets.Run(model, clean, labels, targets, (images, y, target) => Run(model, images, y, epsilon, iterations, TargetedDlr(y, target)));
}

using Ardir.Core;
using static Ardir.Benchmarks.PlainPasses;

namespace Ardir.Benchmarks;

/// <summary>FAB-T (Croce and Hein 2020) in Linf as a user would write it from the paper.</summary>
internal static class PlainFab
{
    public static Tensor Run(IModule model, Tensor clean, Tensor labels, double epsilon, int iterations, int targets) =>
        PlainTargets.Run(model, clean, labels, targets, (images, y, target) => One(model, images, y, target, epsilon, iterations));

    private static Tensor One(IModule model, Tensor clean, Tensor labels, Tensor targets, double epsilon, int iterations)
    {
        using var scope = NewDisposeScope();
        var (x, found, least) = (clean.clone(), clean.clone(), full(clean.shape[0], 1e10, dtype: clean.dtype, device: clean.device));
        for (var i = 0; i < iterations; i++)
        {
            using var iteration = NewDisposeScope();
            var (w, f, _) = Gradient(model, x, labels, z => At(z, targets) - At(z, labels));
            var (fromX, fromClean) = (Move(x, w, -f), Move(clean, w, (w * (x - clean)).sum([1, 2, 3]) - f));
            var (a, b) = (fromX.abs().amax([1, 2, 3]).clamp_min(1e-8), fromClean.abs().amax([1, 2, 3]).clamp_min(1e-8));
            var alpha = Wide((a / (a + b)).clamp(0, 0.1));
            Keep(ref x, ((1 - alpha) * (x + 1.05 * fromX) + alpha * (clean + 1.05 * fromClean)).clamp(0, 1));
            using var noGrad = no_grad();
            var wrong = model.call(x).argmax(1) != labels;
            var distance = (x - clean).abs().amax([1, 2, 3]);
            var closer = wrong.logical_and(distance < least);
            Keep(ref found, where(Wide(closer), x, found));
            Keep(ref least, where(closer, distance, least));
            Keep(ref x, where(Wide(wrong), clean + 0.9 * (x - clean), x));
        }
        return where(Wide(least <= epsilon * (1 + 1e-6)), found, clean).MoveToOuterDisposeScope();
    }

    /// <summary>The smallest change in Linf that raises w.v by an amount and stays in the box; to the corner where that is not enough.</summary>
    private static Tensor Move(Tensor v, Tensor w, Tensor amount)
    {
        var (flat, points, sign) = (w.flatten(1), v.flatten(1), where(amount >= 0, 1.0, -1.0).to(v.dtype).unsqueeze(1));
        var direction = flat.sign() * sign;
        var room = where(direction > 0, 1 - points, where(direction < 0, points, zeros_like(points)));
        var (sorted, order) = room.sort(1);
        var weights = flat.abs().gather(1, order);
        // With every coordinate moved by at most the room of rank k, w.v changes by reached[k].
        var rest = weights.sum(1, keepdim: true) - weights.cumsum(1);
        var reached = (weights * sorted).cumsum(1) + rest * sorted;
        var rank = (reached < amount.abs().unsqueeze(1)).sum(1, keepdim: true).clamp_max(sorted.shape[1] - 1);
        var steepness = rest.gather(1, rank) + weights.gather(1, rank);
        var size = sorted.gather(1, rank) - ((reached.gather(1, rank) - amount.abs().unsqueeze(1)) / (steepness + 1e-12)).clamp_min(0);
        return (direction * minimum(size.clamp_min(0), room)).view_as(v);
    }
}

using Ardir.Core;
using static Ardir.Benchmarks.PlainPasses;

namespace Ardir.Benchmarks;

/// <summary>Square (Andriushchenko et al. 2020) in Linf as a user would write it from the authors' code: one window for the whole batch.</summary>
internal static class PlainSquare
{
    private static readonly int[] _halvings = [10, 50, 200, 500, 1000, 2000, 4000, 6000, 8000];

    public static Tensor Run(IModule model, Tensor clean, Tensor labels, double epsilon, int queries)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var (channels, height, width) = (clean.shape[1], clean.shape[2], clean.shape[3]);
        var x = (clean + epsilon * Signs([clean.shape[0], channels, 1, width], clean)).clamp(0, 1);
        var margin = Margin(model.call(x), labels);
        for (var query = 1; query < queries; query++)
        {
            using var iteration = NewDisposeScope();
            var left = (margin > 0).nonzero().flatten();
            if (left.shape[0] == 0) break;
            var (c, y, best) = (clean.index_select(0, left), labels.index_select(0, left), x.index_select(0, left));
            var share = 0.8 / Math.Pow(2, _halvings.Count(limit => query - 1 > limit));
            var side = (int)Math.Clamp(Math.Round(Math.Sqrt(share * height * width)), 1, Math.Min(height, width));
            var (top, leftmost) = (Random.Shared.Next((int)height - side + 1), Random.Shared.Next((int)width - side + 1));
            var change = zeros_like(c);
            change.narrow(2, top, side).narrow(3, leftmost, side).add_(2 * epsilon * Signs([1, channels, 1, 1], clean));
            var candidate = Project(best + change, c, epsilon);
            var value = Margin(model.call(candidate), y);
            var better = value < margin.index_select(0, left);
            x.index_copy_(0, left, where(Wide(better), candidate, best));
            margin.index_copy_(0, left, minimum(value, margin.index_select(0, left)));
        }
        return x.MoveToOuterDisposeScope();
    }

    private static Tensor Signs(long[] shape, Tensor like) => randint(0, 2, shape, dtype: like.dtype, device: like.device) * 2 - 1;
}

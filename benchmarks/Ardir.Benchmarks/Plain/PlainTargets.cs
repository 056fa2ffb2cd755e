using Ardir.Core;

namespace Ardir.Benchmarks;

/// <summary>Runs a targeted attack against one class after the other, each on the images that still resist.</summary>
internal static class PlainTargets
{
    public static Tensor Run(IModule model, Tensor clean, Tensor labels, int targets, Func<Tensor, Tensor, Tensor, Tensor> attack)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var found = clean.clone();
        for (var rank = 1; rank <= targets; rank++)
        {
            using var turn = NewDisposeScope();
            var left = (model.call(found).argmax(1) == labels).nonzero().flatten();
            if (left.shape[0] == 0) break;
            var (images, y) = (clean.index_select(0, left), labels.index_select(0, left));
            var target = model.call(images).argsort(1, descending: true).select(1, rank);
            using (enable_grad()) found.index_copy_(0, left, attack(images, y, target));
        }
        return found.MoveToOuterDisposeScope();
    }
}

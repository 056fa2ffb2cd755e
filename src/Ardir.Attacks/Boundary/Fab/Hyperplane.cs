using Ardir.Core;

namespace Ardir.Attacks;

/// <summary>
/// The smallest move, in a norm, that takes w·v to b and stays in the box [0,1]. If the hyperplane misses the box, the move goes to the
/// corner of the box that is nearest to it; where w is zero there is no move. Exact up to rounding, in the dtype of the inputs.
/// </summary>
internal static class Hyperplane
{
    // A value of w below this counts as zero. It is large enough for room / TinyNormal to fit into a float32.
    private const double TinyNormal = 1e-30;

    /// <summary>The moves of m points for each hyperplane.</summary>
    /// <param name="norm">Which move is the smallest.</param>
    /// <param name="points">v in [0,1], [m,n,d].</param>
    /// <param name="normal">w, [n,d].</param>
    /// <param name="excess">w·v - b, [m,n,1].</param>
    /// <returns>[m,n,d].</returns>
    public static Tensor Move(PerturbationNorm norm, Tensor points, Tensor normal, Tensor excess) => norm switch
    {
        PerturbationNorm.Linf => MoveLinf(points, normal, excess),
        PerturbationNorm.L2 => MoveL2(points, normal, excess),
        _ => MoveL1(points, normal, excess),
    };

    private static Tensor MoveLinf(Tensor points, Tensor normal, Tensor excess)
    {
        var direction = HyperplaneMove.Direction(normal, excess);
        var room = HyperplaneMove.Room(points, direction);
        return minimum(room, HyperplaneMove.Solve(normal.abs(), room, excess.abs())).mul_(direction);
    }

    private static Tensor MoveL2(Tensor points, Tensor normal, Tensor excess)
    {
        // The scale of w does not change the solution; without this division the squares of small gradients would underflow in float32.
        var largest = normal.abs().amax(new long[] { 1 }, true).clamp_min_(TinyNormal);
        var speed = normal.abs().div_(largest);
        var direction = HyperplaneMove.Direction(normal, excess);
        var room = HyperplaneMove.Room(points, direction);
        var limit = room / speed.clamp_min(TinyNormal);
        var lambda = HyperplaneMove.Solve(speed.square(), limit, excess.abs() / largest);
        return minimum(limit, lambda).mul_(speed).mul_(direction);
    }

    /// <summary>
    /// Coordinates move in descending order of |w|, each as far as the box permits, the last one only as far as necessary. A few of them
    /// usually suffice, so at first only those with the largest |w| are sorted, and more if these are not enough.
    /// </summary>
    private static Tensor MoveL1(Tensor points, Tensor normal, Tensor excess)
    {
        var count = normal.shape[1];
        var need = excess.abs();
        for (var kept = Math.Min(count, Math.Max(32, count / 16)); ; kept = Math.Min(count, 4 * kept))
        {
            var scope = NewDisposeScope();
            var (steepest, order) = normal.abs().topk((int)kept, 1, true, true);
            var at = order.unsqueeze(0).expand(points.shape[0], -1, -1);
            var direction = HyperplaneMove.Direction(normal.gather(1, order), excess);
            var room = HyperplaneMove.Room(points.gather(2, at), direction);
            var gains = room * steepest;
            var total = gains.cumsum(2);
            if (kept == count || HostRead.Bool((total.narrow(2, kept - 1, 1) >= need).all()))
            {
                var before = total - gains;
                var moved = minimum(((need - before) / steepest.clamp_min(1e-37)).clamp_min_(0), room).mul_(direction);
                var result = zeros_like(points).scatter_(2, at, moved).MoveToOuterDisposeScope();
                scope.Dispose();
                return result;
            }
            scope.Dispose();
        }
    }
}

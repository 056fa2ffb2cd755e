using Ardir.Core;

namespace Ardir.Attacks;

/// <summary>
/// The smallest moves of points onto a hyperplane inside the box [0,1], for norms where all coordinates move together: coordinate i by
/// speed_i * min(lambda, room_i / speed_i) (Croce and Hein 2020, FAB). Tensors are [m,n,d], or [n,d] to serve all m.
/// </summary>
internal static class HyperplaneMove
{
    private const int MaxNewtonSteps = 200;

    // Testing for convergence reads a value from the device, which stalls a GPU, so it is not done at every step.
    private const int StepsBetweenChecks = 2;

    /// <summary>The sign of each coordinate's move, -1, 0 or +1, such that w·v - b moves from <paramref name="excess"/> to zero.</summary>
    public static Tensor Direction(Tensor normal, Tensor excess) => normal.sign() * excess.sign().neg_();

    /// <summary>How far each coordinate can move in its direction without leaving the box: 1-v upwards, v downwards, 0 without a direction.
    /// It is computed as max(0, max(direction, 0) - direction * v), which is many times faster on a CPU than <c>where</c>.</summary>
    public static Tensor Room(Tensor points, Tensor direction) =>
        direction.clamp_min(0).addcmul_(direction, points, -1).clamp_min_(0);

    /// <summary>
    /// The lambda at which sum_i gain_i * min(lambda, limit_i) reaches the need; infinite or huge where it never does (then every
    /// coordinate moves to its limit). The sum is increasing, concave and piecewise linear, so Newton's method from zero never
    /// overshoots and reaches the linear piece of the solution after finitely many steps, in practice a handful.
    /// </summary>
    /// <param name="gain">Increase of the sum per unit of lambda for each coordinate, at least 0, [n,d].</param>
    /// <param name="limit">The lambda at which each coordinate stops, at least 0, [m,n,d].</param>
    /// <param name="need">The value that the sum must reach, at least 0, [m,n,1].</param>
    /// <returns>[m,n,1].</returns>
    public static Tensor Solve(Tensor gain, Tensor limit, Tensor need)
    {
        var (tiny, relative) = limit.dtype == ScalarType.Float64 ? (1e-300, 1e-14) : (1e-37, 3e-7);
        var lambda = need / gain.sum(-1, keepdim: true).clamp_min_(tiny);
        var scope = NewDisposeScope();
        for (var step = 1; step <= MaxNewtonSteps; step++)
        {
            var reached = (minimum(limit, lambda).mul_(gain)).sum(-1, keepdim: true);
            var slope = (limit - lambda).clamp_min_(0).sign_().mul_(gain).sum(-1, keepdim: true);
            // On the linear piece of the solution only rounding errors of either sign remain; the clamp ignores the negative ones.
            var next = lambda + (need - reached).clamp_min_(0) / slope.clamp_min_(tiny);
            var settled = step % StepsBetweenChecks == 0 && HostRead.Bool((next <= lambda * (1 + relative)).all());
            lambda = next.MoveToOuterDisposeScope();
            scope.Dispose();
            if (settled) break;
            scope = NewDisposeScope();
        }
        scope.Dispose();
        return lambda;
    }
}

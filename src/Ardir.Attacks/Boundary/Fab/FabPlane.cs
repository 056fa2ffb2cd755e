using Ardir.Core;

namespace Ardir.Attacks;

/// <summary>A decision boundary, linearised at some points: the hyperplane value + normal·(v - point) = 0.</summary>
/// <param name="Logits">At the points, [n,K].</param>
/// <param name="Value">Below zero on the side of the right class, [n].</param>
/// <param name="Normal">Gradient of the value, [n,C,H,W].</param>
internal readonly record struct FabPlane(Tensor Logits, Tensor Value, Tensor Normal)
{
    /// <summary>The boundary that the loss of the run defines, from one forward and one backward pass.</summary>
    public static FabPlane OfLoss(AttackRun run, Tensor points)
    {
        var here = run.Gradient(points);
        return new FabPlane(here.Logits, here.Loss, here.Gradient);
    }

    /// <summary>Of the boundaries to the given classes, [n,R], the one whose linearisation is nearest in the norm of the run. One forward
    /// and R backward passes.</summary>
    public static FabPlane Nearest(AttackRun run, Tensor points, Tensor classes)
    {
        using var scope = NewDisposeScope();
        var least = full([run.Count], double.PositiveInfinity, points.dtype, points.device);
        var (value, normal) = (zeros_like(least), zeros_like(points));
        var logits = run.Differences(points, classes, (column, difference, gradient) =>
        {
            var distance = difference.abs() / (((NormThreatModel)run.Threat).MeasureDual(gradient) + 1e-12);
            var nearer = distance < least;
            if (column == 0) nearer.fill_(true);   // a NaN distance is not less than any other
            least.copy_(where(nearer, distance, least));
            value.copy_(where(nearer, difference, value));
            normal.copy_(where(PerSample.Of(nearer, normal), gradient, normal));
        });
        return new FabPlane(logits.MoveToOuterDisposeScope(), value.MoveToOuterDisposeScope(), normal.MoveToOuterDisposeScope());
    }
}

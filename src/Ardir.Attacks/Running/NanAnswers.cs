using Ardir.Core;

namespace Ardir.Attacks;

/// <summary>
/// Replaces NaN logits and gradients while an attack runs a second time on a model that returned NaN. NaN logits count as
/// misclassified: the first such point in the threat set is kept as the attack's result for the sample, and the attack itself
/// receives logits of a wrong class, so that it can continue with the other samples. Synchronises with the device at every step.
/// </summary>
internal sealed class NanAnswers(ThreatModel threat) : IDisposable
{
    private readonly Dictionary<long, Tensor> _points = [];

    /// <summary>Replaces the attack's result by the points with NaN logits for those samples that have one.</summary>
    /// <param name="found">The attack's result, [N,C,H,W], for all samples of the run.</param>
    /// <param name="broken">bool [N], set to true for the replaced samples in place; may be null.</param>
    /// <returns>The points; <paramref name="found"/> itself when there is nothing to change.</returns>
    public Tensor Put(Tensor found, Tensor? broken = null)
    {
        if (_points.Count == 0) return found;
        var rows = tensor([.. _points.Keys], device: found.device);
        broken?.index_fill_(0, rows, true);
        return found.index_copy(0, rows, stack(_points.Values));
    }

    /// <summary>Logits without NaN: a row that has any becomes the one-hot vector of the class after the label.</summary>
    public Tensor Replace(Tensor logits, Tensor points, AttackRun run)
    {
        var nan = logits.detach().isnan().any(1);
        var rows = HostRead.Rows(nan);
        if (rows.numel() == 0) return logits;
        Keep(points.detach().index_select(0, rows), rows, run);
        var other = (run.Labels + 1).remainder(logits.shape[1]).unsqueeze(1);
        var wrong = zeros_like(logits).scatter(1, other, ones_like(other, dtype: logits.dtype));
        return where(nan.unsqueeze(1), wrong, logits);
    }

    /// <summary>A gradient without NaN or infinity: the gradient of a sample that has any becomes zero.</summary>
    public static Tensor Replace(Tensor gradient, Tensor size)
    {
        var finite = size.isfinite();
        return HostRead.Bool(finite.all()) ? gradient : where(PerSample.Of(finite, gradient), gradient, zeros_like(gradient));
    }

    public void Dispose()
    {
        foreach (var point in _points.Values) point.Dispose();
    }

    private void Keep(Tensor points, Tensor rows, AttackRun run)
    {
        var inside = HostRead.Array<bool>(threat.Contains(run.Images.index_select(0, rows), points));
        var positions = HostRead.Array<long>(run.Positions is { } all ? all.index_select(0, rows) : rows);
        for (var i = 0; i < positions.Length; i++)
            if (inside[i] && !_points.ContainsKey(positions[i])) _points[positions[i]] = points[i].clone().DetachFromDisposeScope();
    }
}

using Ardir.Core;

namespace Ardir.Tests;

/// <summary>Bounds and a budget of their own for each column of a table (or channel of an image): dimension 1 of the inputs.</summary>
internal sealed class ColumnThreat(double[] low, double[] high, double[] budget)
    : ThreatModel(budget.Max(), minimum: low.Min(), maximum: high.Max())
{
    public override string ToString() =>
        FormattableString.Invariant($"Columns({string.Join(' ', low)}; {string.Join(' ', high)}; {string.Join(' ', budget)})");

    protected override Tensor ProjectCore(Tensor reference, Tensor candidate)
    {
        var room = Column(budget, reference);
        return ClampCore(candidate.clamp(reference - room, reference + room));
    }

    protected override Tensor ClampCore(Tensor inputs) => inputs.clamp(Column(low, inputs), Column(high, inputs));

    protected override Tensor SteepestAscentCore(Tensor gradient, double? share) => gradient.sign() * (Column(budget, gradient) / Epsilon);

    private static Tensor Column(double[] values, Tensor like)
    {
        long[] shape = [1, values.Length, .. Enumerable.Repeat(1L, (int)like.dim() - 2)];
        return tensor(values, shape, like.dtype, like.device);
    }
}

using Ardir.Core;

namespace Ardir.Tests;

/// <summary>L0: at most so many values of an input may change, to anything in the box.</summary>
internal sealed class SparseThreat(int count) : ThreatModel(epsilon: 1)
{
    public override string ToString() => $"L0({count})";

    protected override Tensor ProjectCore(Tensor reference, Tensor candidate)
    {
        var (x, wanted) = (reference.flatten(1), candidate.clamp(Minimum, Maximum).flatten(1));
        var (_, largest) = (wanted - x).abs().topk(count, 1);
        return x.scatter(1, largest, wanted.gather(1, largest)).reshape(reference.shape);
    }

    protected override Tensor DistanceCore(Tensor a, Tensor b) => (a != b).flatten(1).sum(1).to(a.dtype);

    // The sign would make all values alike, and the projection would keep any of them.
    protected override Tensor SteepestAscentCore(Tensor gradient, double? share)
    {
        var largest = gradient.flatten(1).abs().amax(new long[] { 1 }, keepdim: true).clamp_min(1e-12);
        return (gradient.flatten(1) / largest).reshape(gradient.shape);
    }
}

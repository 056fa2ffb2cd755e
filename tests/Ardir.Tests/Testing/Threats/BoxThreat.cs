using Ardir.Core;

namespace Ardir.Tests;

/// <summary>A Linf ball for inputs in another box than [0,1].</summary>
internal sealed class BoxThreat(double epsilon, double minimum, double maximum) : ThreatModel(epsilon, minimum, maximum)
{
    public override string ToString() => FormattableString.Invariant($"Box({Epsilon:R}, {Minimum:R}, {Maximum:R})");

    protected override Tensor ProjectCore(Tensor reference, Tensor candidate) =>
        candidate.clamp(reference - Epsilon, reference + Epsilon).clamp_(Minimum, Maximum);
}

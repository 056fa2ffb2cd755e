using Ardir.Core;

namespace Ardir.Tests;

/// <summary>Only values in the mask move, each by at most epsilon: written as somebody outside of the library would.</summary>
internal sealed class MaskThreat : ThreatModel
{
    private readonly Tensor _mask;
    private readonly string _text;

    /// <summary>Creates the threat model.</summary>
    /// <param name="mask">bool, the shape of one input.</param>
    /// <param name="epsilon">Radius.</param>
    public MaskThreat(Tensor mask, double epsilon) : base(epsilon)
    {
        (_mask, _text) = (mask, FormattableString.Invariant($"Mask({Hash(mask)}, {epsilon:R})"));
    }

    public override bool StaysOnDevice => true;

    public override string ToString() => _text;

    protected override Tensor ProjectCore(Tensor reference, Tensor candidate) =>
        where(_mask, candidate.clamp(reference - Epsilon, reference + Epsilon), reference).clamp_(Minimum, Maximum);

    protected override void CheckInputsCore(Tensor inputs, string name, bool inBounds)
    {
        base.CheckInputsCore(inputs, name, inBounds);
        if (!inputs.shape.AsSpan(1).SequenceEqual(_mask.shape)) throw new ArgumentException("Another shape than the mask.", name);
    }
}

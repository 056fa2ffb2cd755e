using Ardir.Core;

namespace Ardir.Tests;

/// <summary>Anything within a square of each image, nothing outside.</summary>
internal sealed class PatchThreat(int top, int left, int side) : ThreatModel(epsilon: 1)
{
    public override string ToString() => $"Patch({top}, {left}, {side})";

    protected override Tensor ProjectCore(Tensor reference, Tensor candidate)
    {
        var result = reference.clone();
        Square(result).copy_(Square(candidate).clamp(Minimum, Maximum));
        return result;
    }

    private Tensor Square(Tensor images) => images.narrow(2, top, side).narrow(3, left, side);
}

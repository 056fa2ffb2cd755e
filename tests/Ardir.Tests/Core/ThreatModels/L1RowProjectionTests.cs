using Ardir.Core;

namespace Ardir.Tests;

/// <summary>The projection of float32 rows on the CPU, which share their buffers.</summary>
public sealed class L1RowProjectionTests
{
    [Fact]
    public void Project_RowsOneAfterTheOther_OweNothingToEachOther()
    {
        using var scope = NewDisposeScope();
        var x = tensor(new[] { 0, 0, 0, 0.5f, 0.25f, 0 }, [2, 3]);
        var y = tensor(new[] { 1, 0.5f, 0, 0.75f, 0.75f, 0.5f }, [2, 3]);
        // The moves 1, 1/2 and 0 are shortened by 1/4 each, where they are longer; 1/4, 1/2 and 1/2 by a third of what is too much.
        const double Third = 0.25 / 3;
        double[] expected = [0.75, 0.25, 0, 0.75 - Third, 0.75 - Third, 0.5 - Third];
        TensorAssert.Close(ThreatModel.L1(1).Project(x, y), expected, 1e-7);
        TensorAssert.Close(ThreatModel.L1(1).Project(x.flip(0), y.flip(0)), [.. expected[3..], .. expected[..3]], 1e-7);
    }
}

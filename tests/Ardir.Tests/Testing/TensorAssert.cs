namespace Ardir.Tests;

/// <summary>Comparisons of tensors that say where and by how much they differ.</summary>
internal static class TensorAssert
{
    public static void Close(Tensor actual, Tensor expected, double tolerance)
    {
        actual.shape.Should().Equal(expected.shape);
        var (a, e) = (Values(actual), Values(expected));
        for (var i = 0; i < a.Length; i++)
            if (!(Math.Abs(a[i] - e[i]) <= tolerance))
                Assert.Fail($"Element {i} is {a[i]:R}, expected {e[i]:R} within {tolerance:G}.");
    }

    public static void Close(Tensor actual, double[] expected, double tolerance)
    {
        using var wanted = tensor(expected, actual.shape);
        Close(actual, wanted, tolerance);
    }

    /// <summary>Same shape, dtype and values, bit for bit (NaN never equals).</summary>
    public static void Same(Tensor actual, Tensor expected)
    {
        actual.dtype.Should().Be(expected.dtype);
        Close(actual, expected, 0);
    }

    public static void Different(Tensor a, Tensor b)
    {
        a.shape.Should().Equal(b.shape);
        Values(a).Should().NotEqual(Values(b));
    }

    public static void AllTrue(Tensor flags) => Assert.DoesNotContain(false, flags.data<bool>().ToArray());

    public static double[] Values(Tensor tensor)
    {
        using var plain = tensor.detach().to(ScalarType.Float64).cpu().contiguous();
        return plain.data<double>().ToArray();
    }

    public static long[] Longs(Tensor tensor)
    {
        using var plain = tensor.detach().to(ScalarType.Int64).cpu().contiguous();
        return plain.data<long>().ToArray();
    }
}

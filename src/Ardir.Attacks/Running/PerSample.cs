namespace Ardir.Attacks;

/// <summary>Shapes for one value per sample, beside inputs of any number of dimensions.</summary>
internal static class PerSample
{
    /// <summary>Reshapes [n] to [n,1,...,1], so that it broadcasts over the samples of <paramref name="like"/>, [n,...].</summary>
    public static Tensor Of(Tensor values, Tensor like) => values.reshape(Shape(-1, like));

    /// <summary>The shape [count,1,...,1] with as many dimensions as <paramref name="like"/>.</summary>
    public static long[] Shape(long count, Tensor like)
    {
        var shape = new long[like.dim()];
        Array.Fill(shape, 1);
        shape[0] = count;
        return shape;
    }

    /// <summary>All dimensions but the first, over which a reduction leaves one value per sample.</summary>
    public static long[] Dimensions(Tensor inputs)
    {
        var dimensions = new long[inputs.dim() - 1];
        for (var i = 0; i < dimensions.Length; i++) dimensions[i] = i + 1;
        return dimensions;
    }
}

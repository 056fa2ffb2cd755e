namespace Ardir.Core;

/// <summary>Shapes for one value per sample, beside inputs of any number of dimensions.</summary>
public static class PerSample
{
    /// <summary>Reshapes one value per sample so that it broadcasts over the samples.</summary>
    /// <param name="values">[n].</param>
    /// <param name="like">[n,...].</param>
    /// <returns>[n,1,...,1] with as many dimensions as <paramref name="like"/>; it may share memory with the values.</returns>
    public static Tensor Of(Tensor values, Tensor like)
    {
        ArgumentNullException.ThrowIfNull(values);
        return values.reshape(Shape(-1, like));
    }

    /// <summary>The shape of one value per sample that broadcasts over the samples.</summary>
    /// <param name="count">The number of samples; -1 to let a reshape find it out.</param>
    /// <param name="like">[n,...].</param>
    /// <returns>[count,1,...,1] with as many dimensions as <paramref name="like"/>.</returns>
    public static long[] Shape(long count, Tensor like)
    {
        ArgumentNullException.ThrowIfNull(like);
        var shape = new long[like.dim()];
        Array.Fill(shape, 1);
        shape[0] = count;
        return shape;
    }

    /// <summary>The dimensions over which a reduction leaves one value per sample: all but the first.</summary>
    /// <param name="inputs">[n,...].</param>
    /// <returns>1, 2, ... for each dimension but the first.</returns>
    public static long[] Dimensions(Tensor inputs)
    {
        ArgumentNullException.ThrowIfNull(inputs);
        var dimensions = new long[inputs.dim() - 1];
        for (var i = 0; i < dimensions.Length; i++) dimensions[i] = i + 1;
        return dimensions;
    }
}

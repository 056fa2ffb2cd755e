namespace Ardir.Core;

/// <summary>What every implementation of <see cref="ICollective"/> must refuse, in the same words.</summary>
public static class CollectiveGuard
{
    /// <summary>Checks a tensor whose values are to be replaced.</summary>
    /// <param name="values">Any tensor.</param>
    /// <param name="parameter">Name of the argument, for the message.</param>
    /// <exception cref="ArgumentException">Another dtype than float32, float64, int64 or uint8, or a tensor that requires a
    /// gradient or has several values in one place.</exception>
    public static void InPlace(Tensor values, string parameter)
    {
        Dtype(values, parameter);
        if (values.stride().Zip(values.shape).Any(pair => pair.First == 0 && pair.Second > 1))
            throw new ArgumentException(
                "Several values of the tensor lie in one place (expand); expected a tensor that can be written to. Pass a clone.",
                parameter);
        if (values.requires_grad)
            throw new ArgumentException("The tensor requires a gradient; expected one without. Pass a detached one.", parameter);
    }

    /// <summary>Checks a tensor whose rows are to be gathered.</summary>
    /// <param name="values">Any tensor.</param>
    /// <param name="parameter">Name of the argument, for the message.</param>
    /// <exception cref="ArgumentException">Another dtype than float32, float64, int64 or uint8, or no dimension.</exception>
    public static void Rows(Tensor values, string parameter)
    {
        Dtype(values, parameter);
        if (values.dim() == 0)
            throw new ArgumentException("The tensor has no dimension; expected [n,...]. Reshape a single value to [1].", parameter);
    }

    /// <summary>Checks the number of a rank.</summary>
    /// <param name="root">The number.</param>
    /// <param name="size">How many ranks there are.</param>
    /// <exception cref="ArgumentOutOfRangeException">There is no such rank.</exception>
    public static void Root(int root, int size)
    {
        if (root < 0 || root >= size)
            throw new ArgumentOutOfRangeException(nameof(root), root, $"There is no such rank; expected 0 to {size - 1}.");
    }

    private static void Dtype(Tensor values, string parameter)
    {
        ArgumentNullException.ThrowIfNull(values, parameter);
        if (values.dtype is not (ScalarType.Float32 or ScalarType.Float64 or ScalarType.Int64 or ScalarType.Byte))
            throw new ArgumentException(
                $"The tensor has the dtype {values.dtype}; expected float32, float64, int64 or uint8. Convert it before.", parameter);
    }
}

namespace Ardir.Core;

/// <summary>
/// The Euclidean norm along one dimension. It uses the TorchSharp method that takes the order of the norm as a plain number:
/// <c>linalg.vector_norm</c> gives bit-identical results, but passes libtorch a scalar object that may be garbage-collected during the
/// call.
/// </summary>
public static class EuclideanLength
{
    /// <summary>The smallest length that a division by is safe: float16 turns smaller numbers than 6e-8 into zero.</summary>
    /// <param name="dtype">The floating-point dtype of the length.</param>
    /// <returns>6e-8 for float16, 1e-12 otherwise.</returns>
    public static double Smallest(ScalarType dtype) => dtype == ScalarType.Float16 ? 6e-8 : 1e-12;

    /// <summary>The norm in the dtype of the values (half precision is summed up in float32); its gradient at zero is zero.</summary>
    /// <param name="values">Floating point, any shape.</param>
    /// <param name="dimension">The dimension to sum over; negative ones count from the end.</param>
    /// <param name="keepDimension">Whether that dimension stays, with size one.</param>
    /// <returns>The norms, owned by the caller.</returns>
    public static Tensor Of(Tensor values, int dimension = 1, bool keepDimension = false)
    {
        ArgumentNullException.ThrowIfNull(values);
        return values.norm(dimension, keepDimension, 2f);
    }
}

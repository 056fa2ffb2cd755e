namespace Ardir.Core;

/// <summary>
/// The Euclidean length along one dimension, from the call of TorchSharp that takes the order of the norm as a plain number. <c>linalg.vector_norm</c> computes the same, bit for bit,
/// but hands libtorch a number object that nothing keeps alive during the call.
/// </summary>
internal static class EuclideanLength
{
    /// <summary>In the dtype of the values (half precision is summed up in float32); the gradient at zero is zero.</summary>
    /// <param name="values">Floating point, any shape.</param>
    /// <param name="dimension">The dimension to sum over; negative ones count from the end.</param>
    /// <param name="keepDimension">Whether it stays, with size one.</param>
    public static Tensor Of(Tensor values, int dimension = 1, bool keepDimension = false) => values.norm(dimension, keepDimension, 2f);
}

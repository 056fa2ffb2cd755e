namespace Ardir.Distillation;

/// <summary>The precision in which losses compute.</summary>
public static class LossPrecision
{
    /// <summary>Converts to float32, or returns the tensor itself if it is float32 or float64. In half precision, exponentials lose the
    /// small probabilities that distillation depends on, and means keep only about three digits.</summary>
    /// <param name="values">Any shape, floating point.</param>
    /// <returns>The same values in the current dispose scope, or the tensor itself.</returns>
    public static Tensor AtLeastSingle(Tensor values)
    {
        ArgumentNullException.ThrowIfNull(values);
        return values.dtype is ScalarType.Float32 or ScalarType.Float64 ? values : values.to(ScalarType.Float32);
    }
}

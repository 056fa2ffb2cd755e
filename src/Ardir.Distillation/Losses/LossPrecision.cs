namespace Ardir.Distillation;

internal static class LossPrecision
{
    /// <summary>Converts to float32, or returns the tensor itself if it is float32 or float64. In half precision, exponentials lose the
    /// small probabilities that distillation depends on, and means keep only about three digits.</summary>
    public static Tensor AtLeastSingle(Tensor values) =>
        values.dtype is ScalarType.Float32 or ScalarType.Float64 ? values : values.to(ScalarType.Float32);
}

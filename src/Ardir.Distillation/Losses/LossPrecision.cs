namespace Ardir.Distillation;

internal static class LossPrecision
{
    /// <summary>Single precision where there was less: half-precision exponentials lose the small probabilities that distillation lives on, and half-precision
    /// means all but three digits. The tensor itself where there is nothing to do.</summary>
    public static Tensor AtLeastSingle(Tensor values) =>
        values.dtype is ScalarType.Float32 or ScalarType.Float64 ? values : values.to(ScalarType.Float32);
}

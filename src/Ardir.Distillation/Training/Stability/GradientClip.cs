namespace Ardir.Distillation;

internal static class GradientClip
{
    /// <summary>Scales all gradients so that the global gradient norm (L2) is at most the limit. Works on the device alone, where
    /// torch's own function reads the norm on the host.</summary>
    public static void Apply(IEnumerable<Tensor> parameters, double limit)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var gradients = parameters.Select(parameter => parameter.grad).OfType<Tensor>().ToList();
        if (gradients.Count == 0) return;
        var length = Length(stack(gradients.Select(Length)));
        var factor = (limit / (length + 1e-6)).clamp_max_(1);
        foreach (var gradient in gradients) gradient.mul_(factor);
    }

    /// <summary>L2 norm of all values, a scalar on their device.</summary>
    public static Tensor Length(Tensor values) => Wide(values).square().sum().sqrt();

    /// <summary>Converts half precision to float32, because its squares and sums overflow or underflow. Other dtypes are returned as they
    /// are.</summary>
    public static Tensor Wide(Tensor values) =>
        values.dtype is ScalarType.Float16 or ScalarType.BFloat16 ? values.to(ScalarType.Float32) : values;
}

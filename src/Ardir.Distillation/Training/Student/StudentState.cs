using Ardir.Core;

namespace Ardir.Distillation;

/// <summary>Reading and writing the tensors of a student by name.</summary>
internal static class StudentState
{
    /// <summary>Copies that outlive any scope, for the caller to dispose.</summary>
    public static Dictionary<string, Tensor> Copies(IReadOnlyDictionary<string, Tensor> values)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        return values.ToDictionary(pair => pair.Key, pair => pair.Value.detach().clone().DetachFromDisposeScope(), StringComparer.Ordinal);
    }

    /// <summary>Copies weights and buffers into the student; refuses names or shapes that do not match (load_state_dict would broadcast
    /// silently).</summary>
    public static void Load(nn.Module student, IReadOnlyDictionary<string, Tensor> source, string path, string what = "student")
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        Check(student, source, path, what);
        foreach (var (name, value) in student.state_dict()) value.copy_(source[name]);
    }

    /// <summary>Checks what <see cref="Load"/> checks, without loading. A student in bfloat16 accepts float32 values, because its
    /// weights are those values rounded.</summary>
    public static void Check(nn.Module student, IReadOnlyDictionary<string, Tensor> source, string path, string what = "student")
    {
        using var scope = NewDisposeScope();
        var target = student.state_dict();
        foreach (var (name, value) in target)
        {
            if (!source.TryGetValue(name, out var saved)) throw new WeightFormatException($"{path} lacks '{name}' of the {what}.");
            if (!saved.shape.AsSpan().SequenceEqual(value.shape)
                || (saved.dtype != value.dtype && (saved.dtype, value.dtype) != (ScalarType.Float32, ScalarType.BFloat16)))
                throw new WeightFormatException(
                    $"{path}: '{name}' is {saved.dtype} {TensorGuard.Shape(saved)}; " +
                    $"the {what} has {value.dtype} {TensorGuard.Shape(value)}.");
        }
        foreach (var name in source.Keys)
            if (!target.ContainsKey(name)) throw new WeightFormatException($"{path} has '{name}', which the {what} does not.");
    }
}

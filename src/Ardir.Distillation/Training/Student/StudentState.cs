using Ardir.Core;
using TorchSharp.Modules;

namespace Ardir.Distillation;

/// <summary>Reading and writing the tensors of a student and of its optimiser by name.</summary>
internal static class StudentState
{
    /// <summary>The momentum buffers that exist, by parameter name. Live tensors, not copies.</summary>
    public static Dictionary<string, Tensor> Momentum(nn.Module student, SGD optimizer, int skip = 0)
    {
        var result = new Dictionary<string, Tensor>(StringComparer.Ordinal);
        foreach (var (name, state) in Named(student, optimizer, skip))
            if (state.momentum_buffer is { } buffer) result[name] = buffer;
        return result;
    }

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

    /// <summary>Restores momentum buffers. They are detached from any dispose scope, because the optimiser owns them.</summary>
    public static void LoadMomentum(
        nn.Module student, SGD optimizer, IReadOnlyDictionary<string, Tensor> source, string path, string what = "student", int skip = 0)
    {
        var named = Named(student, optimizer, skip).ToList();
        foreach (var name in source.Keys.Except(named.Select(entry => entry.Name)))
            throw new WeightFormatException($"{path} has a momentum of '{name}', which is no trained parameter of the {what}.");
        foreach (var (name, state) in named)
        {
            if (!source.TryGetValue(name, out var saved)) continue;
            var parameter = student.get_parameter(name)!;
            if (!saved.shape.AsSpan().SequenceEqual(parameter.shape))
                throw new WeightFormatException(
                    $"{path}: the momentum of '{name}' is {TensorGuard.Shape(saved)}; expected {TensorGuard.Shape(parameter)}.");
            state.momentum_buffer?.Dispose();
            state.momentum_buffer = saved.to(saved.dtype, parameter.device, copy: true).DetachFromDisposeScope();
        }
    }

    // The optimiser knows its parameters by position: the student's, then those of the loss.
    private static IEnumerable<(string Name, SGD.State State)> Named(nn.Module student, SGD optimizer, int skip) =>
        student.named_parameters()
            .Where(pair => pair.parameter.requires_grad)
            .Zip(optimizer.state_dict().State.Skip(skip), (pair, state) => (pair.name, (SGD.State)state));
}

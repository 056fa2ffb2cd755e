using Ardir.Core;
using TorchSharp.Modules;

namespace Ardir.Distillation;

/// <summary>
/// The state of an optimiser as tensors by parameter: the momentum buffer of SGD, and for every other optimiser the bytes that its own
/// state writes, so that one of the user's needs nothing more. TorchSharp's own way of reading SGD's state is not used, because it makes
/// float32 tensors on the CPU whatever the parameter is.
/// </summary>
internal static class SavedOptimizer
{
    /// <summary>What there is to save. Momentum buffers are live; the other tensors belong to the caller's dispose scope.</summary>
    public static Dictionary<string, Tensor> Save(RunOptimizer optimizer, IReadOnlyList<(string Name, Parameter Parameter)> named)
    {
        var result = new Dictionary<string, Tensor>(StringComparer.Ordinal);
        foreach (var (name, _, state) in optimizer.States(named))
        {
            if (state is not SGD.State sgd) result[name] = Bytes(state);
            else if (sgd.momentum_buffer is { } buffer) result[name] = buffer;
        }
        return result;
    }

    /// <summary>Restores what <see cref="Save"/> returned. The saved tensors are copied.</summary>
    /// <exception cref="WeightFormatException">The state is of other parameters, or damaged.</exception>
    public static void Load(
        RunOptimizer optimizer, IReadOnlyList<(string Name, Parameter Parameter)> named, IReadOnlyDictionary<string, Tensor> saved,
        (string Path, string What) source)
    {
        var states = optimizer.States(named).ToList();
        foreach (var name in saved.Keys.Except(states.Select(entry => entry.Name)))
            throw new WeightFormatException(
                $"{source.Path} has an optimiser state of '{name}', which is no trained parameter of the {source.What}.");
        foreach (var (name, parameter, state) in states)
        {
            var value = saved.GetValueOrDefault(name);
            if (state is SGD.State sgd) LoadMomentum(sgd, name, parameter, value, source.Path);
            else if (value is null) throw new WeightFormatException($"{source.Path} lacks the optimiser state of '{name}'.");
            else LoadBytes(state, name, value, source.Path);
        }
    }

    private static void LoadMomentum(SGD.State state, string name, Parameter parameter, Tensor? saved, string path)
    {
        // A parameter that never had a gradient has no momentum.
        if (saved is null) return;
        if (!saved.shape.AsSpan().SequenceEqual(parameter.shape) || saved.dtype != parameter.dtype)
            throw new WeightFormatException(
                $"{path}: the momentum of '{name}' is {saved.dtype} {TensorGuard.Shape(saved)}; " +
                $"expected {parameter.dtype} {TensorGuard.Shape(parameter)}.");
        state.momentum_buffer?.Dispose();
        // Detached from any dispose scope, because the optimiser owns it.
        state.momentum_buffer = saved.to(saved.dtype, parameter.device, copy: true).DetachFromDisposeScope();
    }

    private static Tensor Bytes(OptimizerState state)
    {
        using var stream = new MemoryStream();
        using (var writer = new BinaryWriter(stream)) state.SaveStateDict(writer);
        return tensor(stream.ToArray(), device: CPU);
    }

    private static void LoadBytes(OptimizerState state, string name, Tensor saved, string path)
    {
        try
        {
            using var stream = new MemoryStream(HostRead.Array<byte>(saved));
            using var reader = new BinaryReader(stream);
            state.LoadStateDict(reader);
            if (stream.Position != stream.Length) throw new InvalidDataException($"{stream.Length - stream.Position} bytes are left over");
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            throw new WeightFormatException($"{path}: the optimiser state of '{name}' is damaged ({e.Message}).", e);
        }
    }
}

using System.Diagnostics.CodeAnalysis;
using System.Reflection;
using System.Runtime.CompilerServices;

namespace Ardir.Core;

/// <summary>Registers a forward hook on a module with any number of inputs. TorchSharp types its hooks by the module's generic arguments,
/// so the right method is found by reflection, once per layer.</summary>
internal static class LayerHook
{
    private static readonly Dictionary<Type, MethodInfo> _attachers = new()
    {
        [typeof(nn.Module<,>)] = Attacher(nameof(Attach1)),
        [typeof(nn.Module<,,>)] = Attacher(nameof(Attach2)),
        [typeof(nn.Module<,,,>)] = Attacher(nameof(Attach3)),
        [typeof(nn.Module<,,,,>)] = Attacher(nameof(Attach4)),
        [typeof(nn.Module<,,,,,>)] = Attacher(nameof(Attach5)),
        [typeof(nn.Module<,,,,,,>)] = Attacher(nameof(Attach6)),
    };

    public static bool CanAttach(nn.Module module) => CallableBase(module) is not null;

    /// <summary>A function that registers the sink on the module and returns how to remove it.</summary>
    [UnconditionalSuppressMessage(
        "Trimming",
        "IL2060",
        Justification = "The generic parameters of these methods ask nothing of their types, and Attacher keeps the methods.")]
    public static Func<Action<object?>, Action> For(nn.Module module)
    {
        var callable = CallableBase(module)!;
        var attach = _attachers[callable.GetGenericTypeDefinition()].MakeGenericMethod(callable.GetGenericArguments());
        return attach.CreateDelegate<Func<nn.Module, Func<Action<object?>, Action>>>()(module);
    }

    /// <summary>Tensor number <paramref name="element"/> of what a layer returned: a tensor, a tuple (nested ones are flattened) or a list.
    /// Null when there is none.</summary>
    public static Tensor? Pick(object? result, int element) => Flatten(result).ElementAtOrDefault(element);

    private static IEnumerable<Tensor?> Flatten(object? result) => result switch
    {
        Tensor single => [single],
        // A null in a tuple stays in the list, so that the tensors after it keep their numbers.
        ITuple tuple => Enumerable.Range(0, tuple.Length).SelectMany(i => tuple[i] is null ? [null] : Flatten(tuple[i])),
        IEnumerable<Tensor> many => many,
        _ => [],
    };

    private static Type? CallableBase(nn.Module module)
    {
        for (var type = module.GetType(); type is not null; type = type.BaseType)
            if (type.IsGenericType && _attachers.ContainsKey(type.GetGenericTypeDefinition())) return type;
        return null;
    }

    private static MethodInfo Attacher(string name) =>
        typeof(LayerHook).GetMethod(name, BindingFlags.NonPublic | BindingFlags.Static)!;

    // TorchSharp replaces the output by the hook's result unless that is null. A value tuple cannot be null, so value types are returned
    // unchanged.
    private static T Keep<T>(T output) => typeof(T).IsValueType ? output : default!;

    private static Func<Action<object?>, Action> Attach1<T1, T>(nn.Module module) =>
        sink => ((nn.Module<T1, T>)module)
            .register_forward_hook((_, _, output) => { sink(output); return Keep(output); }).remove;

    private static Func<Action<object?>, Action> Attach2<T1, T2, T>(nn.Module module) =>
        sink => ((nn.Module<T1, T2, T>)module)
            .register_forward_hook((_, _, _, output) => { sink(output); return Keep(output); }).remove;

    private static Func<Action<object?>, Action> Attach3<T1, T2, T3, T>(nn.Module module) =>
        sink => ((nn.Module<T1, T2, T3, T>)module)
            .register_forward_hook((_, _, _, _, output) => { sink(output); return Keep(output); }).remove;

    private static Func<Action<object?>, Action> Attach4<T1, T2, T3, T4, T>(nn.Module module) =>
        sink => ((nn.Module<T1, T2, T3, T4, T>)module)
            .register_forward_hook((_, _, _, _, _, output) => { sink(output); return Keep(output); }).remove;

    private static Func<Action<object?>, Action> Attach5<T1, T2, T3, T4, T5, T>(nn.Module module) =>
        sink => ((nn.Module<T1, T2, T3, T4, T5, T>)module)
            .register_forward_hook((_, _, _, _, _, _, output) => { sink(output); return Keep(output); }).remove;

    private static Func<Action<object?>, Action> Attach6<T1, T2, T3, T4, T5, T6, T>(nn.Module module) =>
        sink => ((nn.Module<T1, T2, T3, T4, T5, T6, T>)module)
            .register_forward_hook((_, _, _, _, _, _, _, output) => { sink(output); return Keep(output); }).remove;
}

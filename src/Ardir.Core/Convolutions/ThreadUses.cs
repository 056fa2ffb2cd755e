namespace Ardir.Core;

/// <summary>Which layers are in a scope of the calling thread: other threads that call the same model compute as before.</summary>
internal static class ThreadUses
{
    [ThreadStatic]
    private static Dictionary<nn.Module, int>? _here;

    /// <summary>Whether a layer is in a scope of this thread.</summary>
    public static bool Has(nn.Module layer) => _here is { Count: > 0 } here && here.ContainsKey(layer);

    /// <summary>Whether any layer is in a scope of this thread.</summary>
    public static bool Any => _here is { Count: > 0 };

    public static void Enter(nn.Module layer)
    {
        _here ??= new(ReferenceEqualityComparer.Instance);
        _here[layer] = _here.GetValueOrDefault(layer) + 1;
    }

    public static void Leave(nn.Module layer)
    {
        // Otherwise a scope that began on another thread.
        if (_here is null || !_here.TryGetValue(layer, out var count)) return;
        if (count > 1) _here[layer] = count - 1;
        else _here.Remove(layer);
    }
}

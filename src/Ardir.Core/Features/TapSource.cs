using System.Runtime.CompilerServices;

namespace Ardir.Core;

/// <summary>The model that a tap ran, so that whoever gets the passes of two taps can see whether they came from separate
/// networks.</summary>
internal sealed class TapSource(IModule model)
{
    private static readonly object _known = new();

    // One walk for each pair of taps, not one for each step; a tap that is gone is not kept alive.
    private readonly ConditionalWeakTable<TapSource, object> _apart = new();

    /// <summary>Refuses a student and a teacher that share modules or parameters.</summary>
    /// <exception cref="ArgumentException">They do; the message names what they share.</exception>
    public static void EnsureApart(TappedOutput? student, TappedOutput? teacher, string? name = null)
    {
        if (student?.Source is not { } first || teacher?.Source is not { } second || first._apart.TryGetValue(second, out _)) return;
        if (SharedModules.Find(first.Model as nn.Module, second.Model as nn.Module) is { } shared)
            throw new ArgumentException(SharedModules.Refusal(shared), name ?? nameof(teacher));
        first._apart.AddOrUpdate(second, _known);
    }

    private IModule Model => model;
}

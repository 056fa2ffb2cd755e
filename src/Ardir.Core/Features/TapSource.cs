using System.Runtime.CompilerServices;

namespace Ardir.Core;

/// <summary>The model that a tap ran. A loss that gets the outputs of two taps uses it to check that they came from separate
/// networks.</summary>
internal sealed class TapSource(IModule model)
{
    private static readonly object _known = new();

    // Pairs that were found to be separate, so that the modules are compared once for each pair of taps and not at each step. The keys are
    // weak, so that this does not keep a tap alive.
    private readonly ConditionalWeakTable<TapSource, object> _apart = new();

    /// <summary>Refuses a student and a teacher that share modules or parameters.</summary>
    /// <exception cref="ArgumentException">They share some; the message names what they share.</exception>
    public void EnsureSeparate(TapSource teacher, string name)
    {
        if (_apart.TryGetValue(teacher, out _)) return;
        SharedModules.EnsureNone(Model, teacher.Model, name);
        _apart.AddOrUpdate(teacher, _known);
    }

    private IModule Model => model;
}

namespace Ardir.Core;

/// <summary>
/// While it lasts, libtorch zeroes the CPU memory that it allocates, if a model needs that. On processors with AVX-512, libtorch 2.10 pads
/// the channels of some convolutions to a multiple of 16 with memory that it has not set and multiplies that by zero: where the memory
/// happens to hold NaN or infinity, the output or the gradient of the input is NaN, and otherwise it is right. Concerned are contiguous
/// convolutions in one group, larger than 1x1, whose output channels are no multiple of 16 (the gradient) or whose input channels are more
/// than 16 and no multiple of it (the output).
/// </summary>
/// <remarks>Attacks and evaluations enter the scope themselves; a tap and a trainer have one until they are disposed. Results are the
/// same with and without it; zeroing costs up to an eighth of a pass. Scopes may be nested, and several threads may have one: the memory
/// is zeroed until the last is left, for the whole process. Nothing is done on other processors, and for models on a GPU or without such
/// convolutions. A model that is no <see cref="nn.Module"/> cannot be looked into and is taken for one that needs it.</remarks>
/// <example><code>
/// using var memory = new ZeroedMemoryScope(student, teacher);
/// // ... your own training loop
/// </code></example>
public sealed class ZeroedMemoryScope : IDisposable
{
    private bool _entered;

    /// <summary>Begins the scope.</summary>
    /// <param name="models">The models whose passes will be made; null entries are left out.</param>
    public ZeroedMemoryScope(params IReadOnlyList<IModule?> models)
    {
        ArgumentNullException.ThrowIfNull(models);
        if (ZeroedMemory.IsWanted) Enter(models.Any(model => model is not null && PaddedConvolutions.AreIn(model)));
    }

    private ZeroedMemoryScope(nn.Module module)
    {
        if (ZeroedMemory.IsWanted) Enter(PaddedConvolutions.AreIn(module));
    }

    /// <summary>Whether one of the models needs zeroed memory here.</summary>
    public bool IsActive => _entered;

    /// <summary>A scope for a module that is no model, such as the part that a loss trains.</summary>
    /// <param name="module">The module.</param>
    /// <returns>The scope.</returns>
    public static ZeroedMemoryScope Of(nn.Module module)
    {
        ArgumentNullException.ThrowIfNull(module);
        return new ZeroedMemoryScope(module);
    }

    /// <summary>Ends the scope.</summary>
    public void Dispose()
    {
        if (!_entered) return;
        _entered = false;
        ZeroedMemory.Leave();
    }

    private void Enter(bool isNeeded)
    {
        if (!isNeeded) return;
        ZeroedMemory.Enter();
        _entered = true;
    }
}

using Ardir.Core;

namespace Ardir.Attacks;

/// <summary>Holds a model in what makes its passes on this thread cheaper.</summary>
internal sealed class PassScopes : IDisposable
{
    private readonly FoldedScope? _folded;
    private readonly WinogradScope? _winograd;

    private PassScopes(AttackContext context, IModule model)
    {
        // The one that may fail first, so that it leaves nothing behind.
        _winograd = context.UsesWinograd ? new WinogradScope(model) : null;
        _folded = context.FoldBatchNorm ? new FoldedScope(model) : null;
    }

    /// <summary>Begins with a model.</summary>
    /// <param name="context">What it asks for; the memory format is that of <see cref="PassFormat"/>.</param>
    /// <param name="model">The model.</param>
    /// <returns>To be disposed on the same thread; null where nothing is asked for.</returns>
    public static PassScopes? Enter(AttackContext context, IModule model) =>
        context.FoldBatchNorm || context.UsesWinograd ? new PassScopes(context, model) : null;

    public void Dispose()
    {
        _folded?.Dispose();
        _winograd?.Dispose();
    }
}

using TorchSharp.Modules;

namespace Ardir.Core;

/// <summary>
/// Folds batch norms in eval mode into the convolutions that they follow, until it is disposed, in every network that calls them by
/// <see cref="FusedLayers"/>. Logits and input gradients are the same up to rounding; parameters, buffers and state are not touched.
/// It concerns the passes of the thread that made it, which should end it, too. Scopes may be nested, and several threads may have one
/// for the same model.
/// </summary>
/// <remarks>The folded weights are computed when a layer is first called and freed when the last scope ends. They have the values that the
/// layers had then, and no gradient reaches the layers through them. Do not train, move or convert the model within the scope.</remarks>
/// <example><code>
/// using (new FoldedScope(model))
/// using (Tensor logits = model.call(images)) Console.WriteLine(logits.shape[0]);
/// </code></example>
public sealed class FoldedScope : IDisposable
{
    private readonly List<BatchNorm2d> _norms = [];

    /// <summary>Begins the scope.</summary>
    /// <param name="model">Any model; nothing is done where it is no <see cref="nn.Module"/> or has no <see cref="BatchNorm2d"/> that is
    /// called by <see cref="FusedLayers"/>.</param>
    public FoldedScope(IModule model)
    {
        if (IModelWrapper.Unwrap(model) is not nn.Module root) return;
        _norms.AddRange(
            root.modules().Prepend(root).OfType<BatchNorm2d>().Distinct<BatchNorm2d>(ReferenceEqualityComparer.Instance));
        _norms.ForEach(FoldedLayers.Enter);
    }

    /// <summary>Ends the scope; the model computes as before.</summary>
    public void Dispose()
    {
        foreach (var norm in _norms) FoldedLayers.Leave(norm);
        _norms.Clear();
    }
}

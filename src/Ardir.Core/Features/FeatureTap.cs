namespace Ardir.Core;

/// <summary>Makes taps: captures the output of any layer of any module, without editing the module.</summary>
/// <example><code>
/// using IFeatureTap tap = FeatureTap.Attach(model, "layer1", "layer*.0.conv2");
/// using TappedOutput tapped = tap.Forward(images);
/// Tensor logits = tapped.Output, map = tapped.Features["layer1"];
/// </code></example>
public static class FeatureTap
{
    /// <summary>Taps a model that is being trained: <see cref="IFeatureTap.Forward"/> changes neither its mode nor the grad mode, and
    /// gradients flow through the features.</summary>
    /// <param name="model">The model. It is not owned and never disposed.</param>
    /// <param name="layers">Module paths such as <c>layer1</c> or <c>layer3.0.conv2</c>, or patterns: <c>*</c> and <c>?</c> match within
    /// one part of a path, <c>**</c> matches any number of parts; matches come in definition order. <c>path[i]</c> picks tensor i of a
    /// layer that returns several (the first otherwise). Without layers only the output is kept.</param>
    /// <returns>The tap; dispose it when done.</returns>
    /// <exception cref="ArgumentException">A path or pattern matches nothing (the message lists the layers that can be tapped), names
    /// something that cannot be tapped, or the model has no accessible layers (TorchScript).</exception>
    public static IFeatureTap Attach(IModule model, params string[] layers) =>
        new ModuleFeatureTap(model, layers, frozen: false);

    /// <summary>Taps a teacher: it is put into eval mode now and again before each forward pass, and runs without gradient. When the tap
    /// is disposed, every module of the model gets back the mode that it has now. Which parameters require a gradient is not
    /// changed.</summary>
    /// <param name="model">The model. It is not owned and never disposed.</param>
    /// <param name="layers">As for <see cref="Attach"/>.</param>
    /// <returns>The tap; dispose it when done. Where several are attached to one model, dispose them in reverse order.</returns>
    /// <exception cref="ArgumentException">As for <see cref="Attach"/>.</exception>
    public static IFeatureTap AttachFrozen(IModule model, params string[] layers) =>
        new ModuleFeatureTap(model, layers, frozen: true);

    /// <summary>What can be tapped, in definition order. Its <c>ToString</c> is a printable list.</summary>
    /// <param name="model">The model.</param>
    /// <returns>The paths.</returns>
    /// <exception cref="ArgumentException">The model has no accessible layers (TorchScript).</exception>
    public static LayerList ListLayers(IModule model) => LayerList.Of(model);
}

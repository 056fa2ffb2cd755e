using TorchSharp.Modules;

namespace Ardir.Core;

/// <summary>
/// Calls layers that directly follow each other as one, which spares memory traffic: a ReLU overwrites the map of the batch norm before
/// it, with the same bits as a result, and within a <see cref="FoldedScope"/> a batch norm in eval mode is a part of the convolution
/// before it, with the same result up to rounding. All networks of the catalogue call their layers in this way; one of your own may, too.
/// Layers that somebody watches through a hook, as <see cref="FeatureTap"/> does, are called one after the other.
/// </summary>
/// <example><code>
/// public override Tensor forward(Tensor input)
/// {
///     using Tensor active = FusedLayers.ConvolutionNormRelu(_conv1, _bn1, _relu1, input);
///     return FusedLayers.ConvolutionNorm(_conv2, _bn2, active);
/// }
/// </code></example>
public static class FusedLayers
{
    /// <summary>A convolution and a batch norm. Folding applies in eval mode, with running statistics, in float32 or float64, and where the
    /// convolution pads with zeros by a given number.</summary>
    /// <param name="convolution">The convolution.</param>
    /// <param name="norm">The batch norm of its output, which nothing else reads.</param>
    /// <param name="input">[N,C,H,W].</param>
    /// <returns>The normalised map [N,C',H',W'].</returns>
    public static Tensor ConvolutionNorm(Conv2d convolution, BatchNorm2d norm, Tensor input)
    {
        ArgumentNullException.ThrowIfNull(convolution);
        ArgumentNullException.ThrowIfNull(norm);
        ArgumentNullException.ThrowIfNull(input);
        if (FoldedLayers.Call(convolution, norm, input) is { } folded) return folded;
        using var map = convolution.call(input);
        return norm.call(map);
    }

    /// <summary>A convolution, a batch norm and a ReLU.</summary>
    /// <param name="convolution">The convolution.</param>
    /// <param name="norm">The batch norm of its output, which nothing else reads.</param>
    /// <param name="relu">The activation of that, which nothing else reads.</param>
    /// <param name="input">[N,C,H,W].</param>
    /// <returns>The activated map [N,C',H',W'].</returns>
    public static Tensor ConvolutionNormRelu(Conv2d convolution, BatchNorm2d norm, ReLU relu, Tensor input)
    {
        ArgumentNullException.ThrowIfNull(relu);
        return Activate(ConvolutionNorm(convolution, norm, input), norm, relu);
    }

    /// <summary>A batch norm and a ReLU.</summary>
    /// <param name="norm">The batch norm.</param>
    /// <param name="relu">The activation of its output, which nothing else reads.</param>
    /// <param name="input">[N,C,H,W]; stays as it is.</param>
    /// <returns>The activated map, of the same shape.</returns>
    public static Tensor NormRelu(BatchNorm2d norm, ReLU relu, Tensor input)
    {
        ArgumentNullException.ThrowIfNull(norm);
        ArgumentNullException.ThrowIfNull(relu);
        return Activate(norm.call(input), norm, relu);
    }

    /// <summary>The activation of a map that nothing but its maker has seen; the map becomes it or is disposed. Only that of a ReLU can be
    /// computed in place, because its backward pass reads the output alone.</summary>
    internal static Tensor Activate(Tensor map, nn.Module<Tensor, Tensor> maker, nn.Module<Tensor, Tensor> activation)
    {
        // In place, the tensor itself is returned.
        if (activation is ReLU && !ModuleHooks.Has(maker) && !ModuleHooks.Has(activation)) return map.relu_();
        using (map) return activation.call(map);
    }

    /// <summary>Adds to a map that nothing but its maker has seen, as the end of a residual block does; the map becomes the sum or is
    /// disposed. The backward passes of convolutions and batch norms do not read their outputs.</summary>
    internal static Tensor Add(Tensor map, nn.Module<Tensor, Tensor> maker, Tensor other)
    {
        if (map.dtype == other.dtype && !ModuleHooks.Has(maker)) return map.add_(other);
        using (map) return map + other;
    }
}

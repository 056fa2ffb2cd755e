using TorchSharp.Modules;

namespace Ardir.Core;

/// <summary>
/// Lets the two-dimensional convolutions of a model compute in channels-last order (NHWC) until it is disposed; the maps between them
/// follow. Parameters and state stay as they are: each convolution computes with a copy of its weight, which is kept for the next scope.
/// Scopes may be nested, and several threads may have one for the same model.
/// </summary>
/// <remarks>The copies have the values that the weights had when the scope was made, and no gradient reaches the weights through them; the
/// gradient of the input is computed as usual. For training see the second parameter. Do not move or convert the model within the
/// scope.</remarks>
/// <example><code>
/// using var format = new ChannelsLastScope(model);
/// using Tensor logits = model.call(images);
/// </code></example>
public sealed class ChannelsLastScope : IDisposable
{
    private readonly List<Conv2d> _replaced = [];
    private readonly List<(Parameter Weight, long[] Strides)> _rearranged = [];

    /// <summary>Begins the scope.</summary>
    /// <param name="model">Any model; nothing is done where it is no <see cref="nn.Module"/> or has no <see cref="Conv2d"/>.</param>
    /// <param name="training">Whether the weights are to be trained within the scope. They are then rearranged themselves, which changes
    /// neither values nor names, and rearranged back at the end. No graph that was recorded before may be used after that, and no other
    /// thread may use the model meanwhile. Nothing is done on the CPU where a strided 1x1 convolution has fewer than 16 input channels:
    /// libtorch 2.10 overwrites memory when it computes the gradient of such a weight in channels-last order.</param>
    public ChannelsLastScope(IModule model, bool training = false)
    {
        if (IModelWrapper.Unwrap(model) is not nn.Module root) return;
        try
        {
            if (training && ConvolutionsOf(root).Any(HasUnsafeGradient)) return;
            foreach (var convolution in ConvolutionsOf(root))
            {
                if (training) Rearrange(convolution.weight);
                else if (ConvolutionWeights.Enter(convolution)) _replaced.Add(convolution);
            }
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>How many convolutions compute in another order than without the scope.</summary>
    public int Count => _replaced.Count + _rearranged.Count;

    /// <summary>Ends the scope; the model is as it was before.</summary>
    public void Dispose()
    {
        foreach (var convolution in _replaced) ConvolutionWeights.Leave(convolution);
        foreach (var (weight, strides) in _rearranged) Arrange(weight, strides);
        _replaced.Clear();
        _rearranged.Clear();
    }

    /// <summary>The two-dimensional convolutions of a model, each once.</summary>
    internal static IEnumerable<Conv2d> ConvolutionsOf(nn.Module root) =>
        root.modules().Prepend(root).OfType<Conv2d>().Distinct<Conv2d>(ReferenceEqualityComparer.Instance);

    // The kernel of oneDNN reads and writes whole vectors, of 8 numbers with AVX2 and of 16 with AVX-512.
    private static bool HasUnsafeGradient(Conv2d convolution) =>
        convolution.weight.device_type == DeviceType.CPU && convolution.in_channels < 16
        && convolution.kernel_size.All(size => size == 1) && convolution.stride.Any(step => step > 1);

    private void Rearrange(Parameter weight)
    {
        if (ChannelsLastLayout.Has(weight)) return;
        _rearranged.Add((weight, weight.stride()));
        using var copy = ChannelsLastLayout.Copy(weight);
        Set(weight, copy);
    }

    private static void Arrange(Parameter weight, long[] strides)
    {
        // Whoever disposed or converted the model meanwhile has other weights.
        if (weight.IsInvalid) return;
        using var copy = ChannelsLastLayout.Copy(weight, strides);
        Set(weight, copy);
    }

    // The parameter takes over the memory and the strides of the copy and stays the same object.
    private static void Set(Parameter weight, Tensor copy)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        weight.set_(copy);
    }
}

using System.Collections.Concurrent;
using System.Runtime.CompilerServices;

namespace Ardir.Core;

/// <summary>Chooses the memory format of a run of passes and holds the model in it.</summary>
/// <example><code>
/// using var format = PassFormat.Enter(MemoryFormat.Measured, model, images);
/// using Tensor logits = model.call(images);
/// </code></example>
public static class PassFormat
{
    // Does not keep the models alive.
    private static readonly ConditionalWeakTable<nn.Module, ConcurrentDictionary<string, MemoryFormat>> _known = [];

    /// <summary>Lets a model compute in a format until the result is disposed.</summary>
    /// <param name="format">The format.</param>
    /// <param name="model">Any model, in the mode in which it will run.</param>
    /// <param name="images">Inputs like those of the passes that follow, for <see cref="MemoryFormat.Measured"/>.</param>
    /// <returns>To be disposed; null where the model computes as it is.</returns>
    public static ChannelsLastScope? Enter(MemoryFormat format, IModule model, Tensor images)
    {
        if (format == MemoryFormat.Measured) format = Fastest(model, images);
        return format == MemoryFormat.ChannelsLast ? new ChannelsLastScope(model) : null;
    }

    /// <summary>Whether a model is faster in channels-last order: measures one pass forward and back to the input in each order, a few
    /// times in turns, and remembers the answer for this model, mode and shape of the inputs. The model may be called eight times; its
    /// buffers and the global random numbers of the CPU are restored. A model that fails in channels-last order is not faster in
    /// it.</summary>
    /// <param name="model">Any model, in the mode in which it will run.</param>
    /// <param name="images">Inputs like those of the passes that follow, [N,...].</param>
    /// <returns><see cref="MemoryFormat.ChannelsLast"/> or <see cref="MemoryFormat.Contiguous"/>, which is the answer for every model
    /// without two-dimensional convolutions.</returns>
    public static MemoryFormat Fastest(IModule model, Tensor images)
    {
        ArgumentNullException.ThrowIfNull(images);
        ArgumentNullException.ThrowIfNull(model);
        if (IModelWrapper.Unwrap(model) is not nn.Module root) return MemoryFormat.Contiguous;
        if (!ChannelsLastScope.ConvolutionsOf(root).Any()) return MemoryFormat.Contiguous;
        var known = _known.GetOrCreateValue(root);
        var key = $"{string.Join(',', images.shape)} {images.dtype} {images.device} {get_num_threads()} {root.training}";
        if (!known.TryGetValue(key, out var format)) known[key] = format = Measure(IModelWrapper.Unwrap(model), root, images);
        return format;
    }

    private static MemoryFormat Measure(IModule model, nn.Module root, Tensor images)
    {
        using var scope = NewDisposeScope();
        var buffers = Buffers(root);
        try
        {
            return PassTimer.IsFaster(ChannelsLast, than: () => PassTimer.Seconds(model, images))
                ? MemoryFormat.ChannelsLast
                : MemoryFormat.Contiguous;
        }
        finally
        {
            using var noGrad = no_grad();
            foreach (var (buffer, value) in buffers) buffer.copy_(value);
        }

        double ChannelsLast()
        {
            using var format = new ChannelsLastScope(model);
            return PassTimer.Seconds(model, images);
        }
    }

    // Batch norm in train mode changes its buffers in every pass.
    private static List<(Tensor Buffer, Tensor Value)> Buffers(nn.Module root) =>
        root.modules().Prepend(root).Any(module => module.training)
            ? [.. root.buffers().Select(buffer => (buffer, buffer.detach().clone()))]
            : [];
}

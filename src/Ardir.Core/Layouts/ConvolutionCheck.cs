using System.Collections.Concurrent;
using System.Runtime.InteropServices;

namespace Ardir.Core;

/// <summary>
/// Makes sure that libtorch computes the two-dimensional convolutions of a model correctly on this processor. There are processors on which
/// libtorch 2.10 does not: gradients of the input are wrong, by as much as their own size, where the number of channels is no multiple of
/// 32, and a model then seems robust against attacks that follow a wrong gradient (docs/backends.md). Attacks, evaluations and the trainer
/// check their models by themselves; a loop of your own may call <see cref="Ensure"/> once.
/// </summary>
/// <remarks>For each kind of convolution in the model a small one is computed once per process, with its gradients, and compared with
/// float64: milliseconds. Convolutions on a GPU or in float64 are not checked, nor are calls of <c>nn.functional.conv2d</c>.</remarks>
/// <example><code>
/// ConvolutionCheck.Ensure(model);
/// </code></example>
public static class ConvolutionCheck
{
    // bfloat16 has 8 bits: a right result is off by less than a hundredth.
    private const double Limit = 0.05;

    /// <summary>The errors that have been measured in this process.</summary>
    internal static ConcurrentDictionary<ConvolutionKind, double> Errors { get; } = new();

    /// <summary>Refuses a model with convolutions in float32 that this processor computes wrongly.</summary>
    /// <param name="model">Any model, in the layout and dtype in which it will compute. One that is no <see cref="nn.Module"/>
    /// passes.</param>
    /// <exception cref="PlatformNotSupportedException">A convolution, or its gradient, is wrong here; the message says what
    /// helps.</exception>
    public static void Ensure(IModule model)
    {
        ArgumentNullException.ThrowIfNull(model);
        var problem = Find(model, weight => weight.dtype == ScalarType.Float32, ScalarType.Float32);
        if (problem is not null) throw new PlatformNotSupportedException(problem);
    }

    /// <summary>Looks for convolutions that this processor computes wrongly.</summary>
    /// <param name="model">As for <see cref="Ensure"/>.</param>
    /// <param name="dtype">In which they are to compute: float32, float16 or bfloat16. Those with weights in float64 are not looked
    /// at.</param>
    /// <returns>Which convolution is wrong, by how much, and what helps; null if all are right.</returns>
    public static string? Find(IModule model, ScalarType dtype)
    {
        ArgumentNullException.ThrowIfNull(model);
        return Find(model, weight => weight.dtype != ScalarType.Float64, dtype);
    }

    private static string? Find(IModule model, Func<Tensor, bool> isMeant, ScalarType dtype)
    {
        if (dtype == ScalarType.Float64 || IModelWrapper.Unwrap(model) is not nn.Module root) return null;
        var kinds = ChannelsLastScope.ConvolutionsOf(root)
            .Where(convolution => convolution.weight is { device_type: DeviceType.CPU } weight && isMeant(weight))
            .Select(convolution => ConvolutionKind.Of(convolution) with { DType = dtype }).Distinct().ToList();
        if (kinds.Find(kind => ErrorOf(kind) > Limit) is not { } wrong) return null;
        var layout = kinds.TrueForAll(kind => ErrorOf(kind with { IsChannelsLast = true }) <= Limit)
            ? "compute in channels-last order, which is right here (MemoryFormat.ChannelsLast), " : "";
        return
            $"libtorch computes convolutions wrongly on this processor: the output or a gradient of {wrong} is off by " +
            $"up to {ErrorOf(wrong):P0} of its largest value, so attacks and training on this model would be meaningless. Set the " +
            $"environment variable ONEDNN_MAX_CPU_ISA=SSE41 before the process starts, {layout}use a GPU or float64, or widths that are " +
            "multiples of 32 (docs/backends.md).";
    }

    private static double ErrorOf(ConvolutionKind kind) => Errors.GetOrAdd(kind, Measure);

    private static double Measure(ConvolutionKind kind)
    {
        try
        {
            return Math.Max(kind.Error(kind.Convolve), kind.Revealing is { } other ? ErrorOf(other) : 0);
        }
        catch (ExternalException)
        {
            // Not implemented for this dtype: the model itself will say so.
            return 0;
        }
    }
}

using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using TorchSharp.Modules;

namespace Ardir.Core;

/// <summary>Which convolutions are computed by an algorithm of this library rather than by libtorch.</summary>
internal static class FastAlgorithm
{
    private const int MostWinogradChannels = 384;
    private const int LeastWinogradPixels = 5;
    private const int MostDirectPixels = 64;
    private const long LeastProducts = 1_000_000;

    // Emulated vectors would be slower than libtorch.
    private static readonly bool _hasVectors = Vector256.IsHardwareAccelerated && Avx.IsSupported;

    /// <summary>Whether an algorithm applies to a convolution for inputs of some size.</summary>
    public static bool Suits(Conv2d convolution) =>
        _hasVectors
        && convolution is { in_channels: > 0, out_channels: > 0, groups: 1, padding: not null, padding_mode: PaddingModes.Zeros }
        && convolution.in_channels % WinogradKernel.Lanes == 0 && convolution.out_channels % WinogradKernel.Lanes == 0
        && convolution.weight is { IsInvalid: false, dtype: ScalarType.Float32, device_type: DeviceType.CPU };

    /// <summary>Whether Winograd's algorithm applies to a convolution for inputs that are large enough.</summary>
    public static bool SuitsWinograd(Conv2d convolution) =>
        Suits(convolution)
        && convolution is { in_channels: <= MostWinogradChannels, out_channels: <= MostWinogradChannels }
        && convolution.kernel_size is [3, 3] && convolution.stride is [1, 1] && convolution.dilation is [1, 1]
        && convolution.padding is [1, 1];

    /// <summary>Whether an algorithm applies to an input of a convolution.</summary>
    public static bool Suits(Conv2d convolution, Tensor input) =>
        input.dtype == ScalarType.Float32 && input.device_type == DeviceType.CPU && input.dim() == 4
        && input.shape[0] > 0 && input.shape[1] == convolution.in_channels
        && (SuitsWinograd(convolution, input) || SuitsDirect(convolution, input));

    /// <summary>Whether Winograd's algorithm applies to an input of a convolution; otherwise it is computed directly if at all.</summary>
    public static bool SuitsWinograd(Conv2d convolution, Tensor input)
    {
        var (height, width) = (input.shape[2], input.shape[3]);
        if (!SuitsWinograd(convolution) || Math.Min(height, width) < LeastWinogradPixels) return false;
        // Small work is not worth other threads than those of libtorch, which are busy waiting. The number of images does not count, so
        // that results do not depend on it.
        var tiles = (height + 3) / 4 * ((width + 3) / 4);
        return get_num_threads() == 1 || tiles * WinogradKernel.Points * Channels(convolution) >= LeastProducts;
    }

    // Where the weights are many for the pixels that they serve, and the work is worth a call. Like small work for Winograd's algorithm
    // it would wait for the threads of libtorch.
    private static bool SuitsDirect(Conv2d convolution, Tensor input)
    {
        if (get_num_threads() > 1) return false;
        var geometry = ConvolutionGeometry.Of(convolution);
        var taps = (long)geometry.Kernel.Y * geometry.Kernel.X;
        if (taps == 1 || input.shape[2] > int.MaxValue || input.shape[3] > int.MaxValue) return false;
        var (height, width) = geometry.Target(((int)input.shape[2], (int)input.shape[3]));
        var pixels = (long)height * width;
        return pixels is > 0 and <= MostDirectPixels && pixels * taps * Channels(convolution) >= LeastProducts;
    }

    private static long Channels(Conv2d convolution) => convolution.in_channels * convolution.out_channels;
}

using TorchSharp.Modules;

namespace Ardir.Core;

/// <summary>Which pixels a convolution with padding by zeros combines.</summary>
/// <param name="Kernel">Height and width of the kernel.</param>
/// <param name="Stride">Down and to the right.</param>
/// <param name="Padding">Above and to the left, and as much on the other sides.</param>
/// <param name="Dilation">Down and to the right.</param>
internal sealed record ConvolutionGeometry(
    (int Y, int X) Kernel, (int Y, int X) Stride, (int Y, int X) Padding, (int Y, int X) Dilation)
{
    /// <summary>That of a layer whose padding is given in pixels.</summary>
    public static ConvolutionGeometry Of(Conv2d convolution) =>
        new(Pair(convolution.kernel_size), Pair(convolution.stride), Pair(convolution.padding!), Pair(convolution.dilation));

    /// <summary>The size of the result.</summary>
    /// <param name="source">The size of the maps.</param>
    /// <returns>Below 1 where the kernel is larger than the padded maps.</returns>
    public (int Height, int Width) Target((int Height, int Width) source) => (
        Length(source.Height, Kernel.Y, Stride.Y, Padding.Y, Dilation.Y), Length(source.Width, Kernel.X, Stride.X, Padding.X, Dilation.X));

    private static int Length(int source, int kernel, int stride, int padding, int dilation)
    {
        var rest = source + (2 * padding) - (dilation * (kernel - 1)) - 1;
        return rest < 0 ? 0 : (rest / stride) + 1;
    }

    private static (int, int) Pair(long[] both) => checked(((int)both[0], (int)both[1]));
}

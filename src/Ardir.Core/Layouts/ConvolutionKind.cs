using TorchSharp.Modules;

namespace Ardir.Core;

/// <summary>Everything that decides by which kernel libtorch computes a two-dimensional convolution, but for the size of the
/// images.</summary>
internal sealed record ConvolutionKind
{
    // What is wrong is wrong where channels do not fill a vector, or the few vectors that a kernel computes at once; more of them take
    // longer and show nothing else.
    private const long ManyChannels = 64;
    private const long Vector = 16;
    private const long RevealingChannels = 20;

    public required long Inputs { get; init; }

    public required long Outputs { get; init; }

    public required long Groups { get; init; }

    public required (long Height, long Width) Kernel { get; init; }

    public required (long Height, long Width) Stride { get; init; }

    public required (long Height, long Width) Padding { get; init; }

    public required (long Height, long Width) Dilation { get; init; }

    public required ScalarType DType { get; init; }

    public required bool IsChannelsLast { get; init; }

    /// <summary>The kind of a convolution as it computes now, with fewer channels where it has many.</summary>
    public static ConvolutionKind Of(Conv2d convolution)
    {
        var groups = Few(convolution.groups);
        var (kernel, dilation) = (Pair(convolution.kernel_size), Pair(convolution.dilation));
        return new ConvolutionKind
        {
            Inputs = groups * Few(convolution.in_channels / convolution.groups),
            Outputs = groups * Few(convolution.out_channels / convolution.groups),
            Groups = groups, Kernel = kernel, Stride = Pair(convolution.stride), Dilation = dilation,
            Padding = PaddingOf(convolution, kernel, dilation),
            DType = convolution.weight.dtype, IsChannelsLast = ChannelsLastLayout.Has(convolution.weight),
        };
    }

    /// <summary>A kind whose error shows each time, where that of this one may not. The kernels that are wrong read the padding of their
    /// copies of weights and outputs, which nobody has written; with few channels it is zero now and then and does no harm.</summary>
    public ConvolutionKind? Revealing =>
        Groups == 1 && Kernel != (1, 1) && Outputs % Vector != 0 && (Inputs, Outputs) != (RevealingChannels, RevealingChannels)
            ? this with { Inputs = RevealingChannels, Outputs = RevealingChannels }
            : null;

    /// <summary>Computes a small convolution of this kind, and its gradients, also in float64.</summary>
    /// <param name="convolve">Images and weight to the output.</param>
    /// <returns>The largest error of output and gradients, relative to the largest value of each; 1 for NaN.</returns>
    public double Error(Func<Tensor, Tensor, Tensor> convolve)
    {
        using var scope = NewDisposeScope();
        using var grad = enable_grad();
        return Pass(ScalarType.Float64, convolve).Zip(Pass(DType, convolve), ErrorOf).Max();
    }

    /// <summary>The convolution itself.</summary>
    public Tensor Convolve(Tensor images, Tensor weight) => nn.functional.conv2d(
        images, weight, strides: [Stride.Height, Stride.Width], padding: [Padding.Height, Padding.Width],
        dilation: [Dilation.Height, Dilation.Width], groups: Groups);

    /// <summary>For messages.</summary>
    public override string ToString() =>
        $"Conv2d({Inputs}, {Outputs}, {Kernel.Height}x{Kernel.Width}, stride {Stride.Height}x{Stride.Width}, padding " +
        $"{Padding.Height}x{Padding.Width}{(Groups > 1 ? $", {Groups} groups" : "")}) in {DType}" +
        (IsChannelsLast ? ", channels-last" : "");

    private List<Tensor> Pass(ScalarType dtype, Func<Tensor, Tensor, Tensor> convolve)
    {
        var size = (SizeOf(Kernel.Height, Padding.Height, Dilation.Height), SizeOf(Kernel.Width, Padding.Width, Dilation.Width));
        var images = Values(dtype, 0.7, 2, Inputs, size.Item1, size.Item2).requires_grad_();
        var weight = Values(dtype, 1.1, Outputs, Inputs / Groups, Kernel.Height, Kernel.Width);
        // libtorch 2.10 overwrites memory for some of these gradients (ChannelsLastScope).
        if (IsChannelsLast && dtype == DType) weight = ChannelsLastLayout.Copy(weight);
        if (!IsChannelsLast) weight.requires_grad_();
        var output = convolve(images, weight);
        (output * Values(dtype, 1.3, output.shape)).sum().backward();
        return IsChannelsLast ? [output.detach(), images.grad!] : [output.detach(), images.grad!, weight.grad!];
    }

    // Numbers that the dtype can represent, so that only what is computed with them differs.
    private Tensor Values(ScalarType dtype, double step, params long[] shape) =>
        arange(shape.Aggregate((a, b) => a * b), ScalarType.Float64, CPU).mul(step).sin().view(shape).to(DType).to(dtype);

    private static double ErrorOf(Tensor expected, Tensor value) =>
        HostRead.Double(((value.to(ScalarType.Float64) - expected).abs().max() / expected.abs().max()).nan_to_num(1));

    // Twelve positions of the kernel, which is no multiple of a vector.
    private static long SizeOf(long kernel, long padding, long dilation) =>
        Math.Max(1, (dilation * (kernel - 1)) + 1 - (2 * padding)) + 11;

    private static (long Height, long Width) PaddingOf(
        Conv2d convolution, (long Height, long Width) kernel, (long Height, long Width) dilation) =>
        convolution.padding is { } padding ? Pair(padding)
        : convolution.padding_type == TorchSharp.Padding.Same
            ? (dilation.Height * (kernel.Height - 1) / 2, dilation.Width * (kernel.Width - 1) / 2)
            : (0, 0);

    private static long Few(long channels) => channels <= ManyChannels ? channels : ManyChannels + (channels % ManyChannels);

    private static (long Height, long Width) Pair(long[] sizes) => (sizes[0], sizes[^1]);
}

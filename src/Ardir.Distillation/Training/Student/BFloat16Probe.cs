using Ardir.Core;
using TorchSharp.Modules;

namespace Ardir.Distillation;

/// <summary>
/// Whether convolutions in bfloat16 are right on this CPU. With libtorch 2.10 there are processors on which they are not where the channels
/// do not fill a vector: the output, or the gradient of the input, is off by half of its largest value.
/// </summary>
internal static class BFloat16Probe
{
    // bfloat16 has 8 bits: a right result is off by less than a hundredth.
    private const double Limit = 0.05;

    private static readonly Lazy<double> _error = new(Measure);

    /// <summary>The largest error of a small convolution and of its gradient, relative to their largest values.</summary>
    public static double Error => _error.Value;

    /// <summary>Whether a student on the CPU has convolutions, and they may be wrong.</summary>
    public static bool MayBeWrong(nn.Module student) =>
        student.modules().Prepend(student).OfType<Convolution>().Any(
            convolution => convolution.parameters().Any(parameter => parameter.device_type == DeviceType.CPU))
        && Error > Limit;

    private static double Measure()
    {
        using var scope = NewDisposeScope();
        using var grad = enable_grad();
        var (output, gradient) = Pass(ScalarType.Float32);
        var (low, lowGradient) = Pass(ScalarType.BFloat16);
        return Math.Max(ErrorOf(low, output), ErrorOf(lowGradient, gradient));
    }

    private static (Tensor Output, Tensor Gradient) Pass(ScalarType dtype)
    {
        var images = Values(8, 3, 8, 8).to(dtype).detach().requires_grad_(true);
        var output = nn.functional.conv2d(images, Values(8, 3, 3, 3).to(dtype), padding: [1, 1]);
        (output * Values(8, 8, 8, 8).to(dtype)).sum().backward();
        var gradient = images.grad!;
        images.grad = null;
        return (output.detach().to(ScalarType.Float32), gradient.to(ScalarType.Float32));
    }

    private static double ErrorOf(Tensor value, Tensor expected) =>
        HostRead.Double(((value - expected).abs().max() / expected.abs().max()).nan_to_num(1));

    private static Tensor Values(params long[] shape) =>
        arange(shape.Aggregate((a, b) => a * b), ScalarType.Float32, CPU).sin().view(shape);
}

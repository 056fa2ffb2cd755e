namespace Ardir.Core;

/// <summary>A 3x3 convolution by Winograd's algorithm, or the one that gives its gradient.</summary>
/// <param name="isGradient">Whether it is the latter.</param>
/// <param name="transformed">The weights as from <see cref="WinogradKernel.Transform(Tensor)"/>; null to transform them in each
/// call.</param>
internal sealed class WinogradPass(bool isGradient, FloatBlock? transformed) : IConvolutionPass
{
    public Tensor Compute(Tensor source, Tensor kernel, Tensor? bias)
    {
        if (transformed is not null) return WinogradConvolution.Compute(source, transformed, kernel.shape[0], bias);
        if (isGradient) return WinogradConvolution.Compute(source, WinogradKernel.TransformForGradient(kernel), kernel.shape[1], bias);
        using var own = WinogradKernel.Transform(kernel);
        return WinogradConvolution.Compute(source, own, kernel.shape[0], bias);
    }

    // Without the transformed weights, which may be freed when the gradient is asked for. To transform those of a gradient takes a small
    // part of its time, and keeping them would double the memory.
    public IConvolutionPass Gradient(long[] sourceShape) => new WinogradPass(!isGradient, null);
}

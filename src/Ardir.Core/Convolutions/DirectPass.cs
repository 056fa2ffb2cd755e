namespace Ardir.Core;

/// <summary>A convolution from the weights as they lie, or the function that gives its gradient.</summary>
internal sealed class DirectPass : IConvolutionPass
{
    private readonly ConvolutionGeometry _geometry;
    private readonly (int Height, int Width)? _gradientSize;

    /// <summary>The convolution.</summary>
    public DirectPass(ConvolutionGeometry geometry) => _geometry = geometry;

    // Several sizes of the source can have the same result, so that of the gradient must be told.
    private DirectPass(ConvolutionGeometry geometry, (int Height, int Width) gradientSize) =>
        (_geometry, _gradientSize) = (geometry, gradientSize);

    public Tensor Compute(Tensor source, Tensor kernel, Tensor? bias)
    {
        var size = ((int)source.shape[2], (int)source.shape[3]);
        var plan = _gradientSize is { } target ? DirectPlan.OfGradient(_geometry, size, target) : DirectPlan.Of(_geometry, size);
        return DirectConvolution.Compute(source, new DirectKernel(kernel, isGradient: _gradientSize is not null), plan, bias);
    }

    public IConvolutionPass Gradient(long[] sourceShape) =>
        _gradientSize is null ? new DirectPass(_geometry, ((int)sourceShape[2], (int)sourceShape[3])) : new DirectPass(_geometry);
}

namespace Ardir.Core;

/// <summary>The weights of a 3x3 convolution as the algorithm needs them.</summary>
internal sealed class WinogradWeights : IDisposable
{
    private readonly Lock _lock = new();
    private readonly Tensor _kernel;
    private Tensor? _forward;
    private Tensor? _backward;

    /// <summary>Prepares the values that weights have now.</summary>
    /// <param name="kernel">[K,C,3,3], float32 on the CPU.</param>
    public WinogradWeights(Tensor kernel)
    {
        using var scope = NewDisposeScope();
        // What lives longer than a pass must be fit for gradients. Leaving inference mode turns gradients on.
        using var inference = inference_mode(false);
        using var noGrad = no_grad();
        _kernel = kernel.detach().clone().contiguous().DetachFromDisposeScope();
    }

    /// <summary>The convolution with padding 1.</summary>
    /// <param name="input">[N,C,H,W], float32 on the CPU.</param>
    /// <param name="bias">[K] or null.</param>
    /// <returns>[N,K,H,W] in channels-last order, with a graph to the input only.</returns>
    public Tensor Convolve(Tensor input, Tensor? bias)
    {
        using var scope = NewDisposeScope();
        using var constant = bias?.detach();
        var result = is_grad_enabled() && input.requires_grad
            ? WinogradFunction.apply(input, Forward(), Backward(), constant!)
            : WinogradConvolution.Compute(input, Forward(), constant);
        return result.MoveToOuterDisposeScope();
    }

    public void Dispose()
    {
        lock (_lock)
        {
            _kernel.Dispose();
            _forward?.Dispose();
            _backward?.Dispose();
        }
    }

    // Both give a handle of the caller's own, because this may be disposed on another thread meanwhile.
    private Tensor Forward()
    {
        lock (_lock) return (_forward ??= Transformed(WinogradKernel.Transform)).alias();
    }

    private Tensor Backward()
    {
        lock (_lock) return (_backward ??= Transformed(WinogradKernel.TransformForGradient)).alias();
    }

    private Tensor Transformed(Func<Tensor, Tensor> transform)
    {
        // As in the constructor.
        using var inference = inference_mode(false);
        return transform(_kernel);
    }
}

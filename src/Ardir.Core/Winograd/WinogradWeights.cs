namespace Ardir.Core;

/// <summary>The weights of a 3x3 convolution as the algorithm needs them.</summary>
internal sealed class WinogradWeights : IDisposable
{
    private readonly Lock _lock = new();
    private readonly Tensor _kernel;
    private FloatBlock? _transformed;

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
        var (kernel, transformed) = Prepared();
        var result = is_grad_enabled() && input.requires_grad
            ? WinogradFunction.apply(input, transformed, kernel, constant!)
            : WinogradConvolution.Compute(input, transformed, kernel.shape[0], constant);
        return result.MoveToOuterDisposeScope();
    }

    public void Dispose()
    {
        lock (_lock)
        {
            _kernel.Dispose();
            _transformed?.Dispose();
        }
    }

    private (Tensor Kernel, FloatBlock Transformed) Prepared()
    {
        // As in the constructor.
        using var inference = inference_mode(false);
        // The kernel by a handle of the caller's own, because this may be disposed on another thread meanwhile.
        lock (_lock) return (_kernel.alias(), _transformed ??= WinogradKernel.Transform(_kernel));
    }
}

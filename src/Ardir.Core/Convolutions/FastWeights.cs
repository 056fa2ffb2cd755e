using TorchSharp.Modules;

namespace Ardir.Core;

/// <summary>The weights of a convolution as the algorithms need them that suit it; each is prepared when it is first needed.</summary>
internal sealed class FastWeights : IDisposable
{
    private readonly Lock _lock = new();
    private readonly Conv2d _convolution;
    private readonly Tensor _weight;
    private Tensor? _tiled;
    private FloatBlock? _transformed;
    private Tensor? _direct;

    /// <summary>Prepares nothing yet.</summary>
    /// <param name="convolution">The layer.</param>
    /// <param name="weight">Its weights or others of their shape, float32 on the CPU.</param>
    public FastWeights(Conv2d convolution, Tensor weight)
    {
        // What lives longer than a pass must be fit for gradients. Leaving inference mode turns gradients on.
        using var inference = inference_mode(false);
        using var noGrad = no_grad();
        (_convolution, _weight) = (convolution, weight.detach().DetachFromDisposeScope());
    }

    /// <summary>Computes the convolution.</summary>
    /// <param name="input">[N,C,H,W], which <see cref="FastAlgorithm.Suits(Conv2d,Tensor)"/>.</param>
    /// <param name="bias">[K] or null.</param>
    /// <returns>[N,K,H,W] in channels-last order, with a graph to the input only.</returns>
    public Tensor Convolve(Tensor input, Tensor? bias)
    {
        using var scope = NewDisposeScope();
        using var constant = bias?.detach();
        var (kernel, pass) = Prepared(input);
        var result = is_grad_enabled() && input.requires_grad
            ? ConvolutionFunction.apply(input, pass, kernel, constant!)
            : pass.Compute(input, kernel, constant);
        return result.MoveToOuterDisposeScope();
    }

    public void Dispose()
    {
        lock (_lock)
        {
            _weight.Dispose();
            _tiled?.Dispose();
            _transformed?.Dispose();
            _direct?.Dispose();
        }
    }

    private (Tensor Kernel, IConvolutionPass Pass) Prepared(Tensor input)
    {
        // As in the constructor.
        using var inference = inference_mode(false);
        using var noGrad = no_grad();
        // The kernel by a handle of the caller's own, because this may be disposed on another thread meanwhile.
        lock (_lock)
        {
            if (!FastAlgorithm.SuitsWinograd(_convolution, input))
                return ((_direct ??= ChannelsLast()).alias(), new DirectPass(ConvolutionGeometry.Of(_convolution)));
            _tiled ??= _weight.clone().contiguous().DetachFromDisposeScope();
            return (_tiled.alias(), new WinogradPass(isGradient: false, _transformed ??= WinogradKernel.Transform(_tiled)));
        }
    }

    // In a training in this order they are the weights themselves.
    private Tensor ChannelsLast() =>
        (ChannelsLastLayout.Has(_weight) ? _weight.alias() : ChannelsLastLayout.Copy(_weight)).DetachFromDisposeScope();
}

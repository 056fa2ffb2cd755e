using System.Runtime.CompilerServices;
using TorchSharp.Modules;

namespace Ardir.Core;

/// <summary>What a batch norm and the convolution before it are folded into, for as long as a scope asks for it.</summary>
internal sealed class FoldedLayers
{
    private static readonly ConditionalWeakTable<BatchNorm2d, FoldedLayers> _all = [];

    private readonly Lock _lock = new();
    private Conv2d? _convolution;
    private Tensor? _weight;
    private Tensor? _bias;
    private FastWeights? _fast;
    private int _users;

    /// <summary>Lets a batch norm be folded until <see cref="Leave"/> has been called as often as this.</summary>
    public static void Enter(BatchNorm2d norm)
    {
        var layers = _all.GetOrCreateValue(norm);
        lock (layers._lock) layers._users++;
        ThreadUses.Enter(norm);
    }

    /// <summary>Ends one use; the last one frees the folded weights.</summary>
    public static void Leave(BatchNorm2d norm)
    {
        ThreadUses.Leave(norm);
        if (!_all.TryGetValue(norm, out var layers)) return;
        lock (layers._lock)
        {
            if (--layers._users == 0) layers.Free();
        }
    }

    /// <summary>Calls both layers as one.</summary>
    /// <returns>null where they are to be called one after the other.</returns>
    public static Tensor? Call(Conv2d convolution, BatchNorm2d norm, Tensor input)
    {
        if (!ThreadUses.Has(norm) || !CanFold(convolution, norm)) return null;
        if (!_all.TryGetValue(norm, out var layers)) return null;
        using var scope = NewDisposeScope();
        if (layers.Weights(convolution, norm, input) is not var (weight, bias, fast)) return null;
        var result = fast is not null
            ? fast.Convolve(input, bias)
            : nn.functional.conv2d(input, weight, bias, convolution.stride, convolution.padding, convolution.dilation, convolution.groups);
        return result.MoveToOuterDisposeScope();
    }

    private static bool CanFold(Conv2d convolution, BatchNorm2d norm) =>
        !norm.training && norm.running_mean is not null && norm.running_var is not null
        && convolution.padding is not null && convolution.padding_mode == PaddingModes.Zeros
        && convolution.weight.dtype is ScalarType.Float32 or ScalarType.Float64 && norm.running_var.dtype == convolution.weight.dtype
        && !ModuleHooks.Has(convolution) && !ModuleHooks.Has(norm);

    // Handles of the caller's own: the last scope may end on another thread meanwhile.
    private (Tensor Weight, Tensor Bias, FastWeights? Fast)? Weights(Conv2d convolution, BatchNorm2d norm, Tensor input)
    {
        lock (_lock)
        {
            if (_users == 0) return null;
            if (_weight is null) Fold(convolution, norm);
            if (!ReferenceEquals(_convolution, convolution)) return null;
            var isFast = FastLayer.IsEntered(convolution) && FastAlgorithm.Suits(convolution, input);
            var fast = isFast ? _fast ??= new FastWeights(convolution, _weight!) : null;
            return (_weight!.alias(), _bias!.alias(), fast);
        }
    }

    // y = (w*x + b - mean) * scale + shift with scale = gamma / sqrt(var + eps).
    private void Fold(Conv2d convolution, BatchNorm2d norm)
    {
        using var scope = NewDisposeScope();
        // What lives longer than a pass must be fit for gradients. Leaving inference mode turns gradients on.
        using var inference = inference_mode(false);
        using var noGrad = no_grad();
        var scale = (norm.running_var! + norm.eps).rsqrt();
        if (norm.weight is { } gamma) scale *= gamma;
        var mean = convolution.bias is { } own ? norm.running_mean! - own : norm.running_mean!;
        var bias = -mean * scale;
        if (norm.bias is { } shift) bias += shift;
        // The product keeps the memory format of the weight.
        _weight = (convolution.weight * scale.view(-1, 1, 1, 1)).DetachFromDisposeScope();
        _bias = bias.DetachFromDisposeScope();
        _convolution = convolution;
    }

    private void Free()
    {
        _weight?.Dispose();
        _bias?.Dispose();
        _fast?.Dispose();
        (_weight, _bias, _fast, _convolution) = (null, null, null, null);
    }
}

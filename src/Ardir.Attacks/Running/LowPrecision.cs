using System.Runtime.CompilerServices;
using Ardir.Core;
using TorchSharp.Modules;

namespace Ardir.Attacks;

/// <summary>
/// Lets the convolutions and linear layers of a model compute in bfloat16 for single passes. They compute with copies of their weights,
/// made once; parameters and state are not touched. The other layers stay in the dtype in which they are. No other thread may use the
/// model during such a pass.
/// </summary>
internal sealed class LowPrecision : IDisposable
{
    private const ScalarType Low = ScalarType.BFloat16;

    private readonly List<Layer> _layers = [];
    private readonly List<Action> _hooks = [];
    private bool _isLow;

    private LowPrecision(nn.Module root)
    {
        try
        {
            foreach (var module in root.modules().Prepend(root).Distinct<nn.Module>(ReferenceEqualityComparer.Instance)) Prepare(module);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>Whether a model has a layer that can compute in bfloat16.</summary>
    public static bool Applies(IModule model) =>
        IModelWrapper.Unwrap(model) is nn.Module root && root.modules().Prepend(root).Any(IsLowered);

    /// <summary>Prepares a model.</summary>
    /// <returns>null where it has no layer that can compute in bfloat16.</returns>
    public static LowPrecision? Of(IModule model)
    {
        if (!Applies(model)) return null;
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        return new LowPrecision((nn.Module)IModelWrapper.Unwrap(model));
    }

    /// <summary>Makes a pass in bfloat16. Its backward pass may follow at any time.</summary>
    public T Pass<T>(Func<T> call)
    {
        foreach (var layer in _layers) layer.Exchange();
        _isLow = true;
        try
        {
            return call();
        }
        finally
        {
            _isLow = false;
            foreach (var layer in _layers) layer.Exchange();
        }
    }

    public void Dispose()
    {
        foreach (var remove in _hooks) remove();
        foreach (var layer in _layers) layer.Dispose();
        _hooks.Clear();
        _layers.Clear();
    }

    private static bool IsLowered(nn.Module module) =>
        module is Convolution { weight.dtype: ScalarType.Float32 } or Linear { weight.dtype: ScalarType.Float32 };

    private void Prepare(nn.Module module)
    {
        switch (module)
        {
            case Convolution convolution when IsLowered(module):
                _layers.Add(new Layer(() => ref WeightOf(convolution), () => ref BiasOf(convolution)));
                CastInputOf(convolution, Low);
                break;
            case Linear linear when IsLowered(module):
                _layers.Add(new Layer(() => ref WeightOf(linear), () => ref BiasOf(linear)));
                CastInputOf(linear, Low);
                break;
            // Its native kernel takes an input in bfloat16 beside parameters in float32.
            case BatchNorm:
                break;
            case nn.Module<Tensor, Tensor> other when other.parameters(recurse: false).FirstOrDefault() is { dtype: ScalarType.Float32 }:
                CastInputOf(other, ScalarType.Float32);
                break;
        }
    }

    private void CastInputOf(nn.Module<Tensor, Tensor> module, ScalarType dtype)
    {
        // null leaves the input as it is.
        var hook = module.register_forward_pre_hook((_, input) =>
            _isLow && input.is_floating_point() && input.dtype != dtype ? input.to(dtype) : null!);
        _hooks.Add(hook.remove);
    }

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_weight")]
    private static extern ref Parameter? WeightOf(Convolution convolution);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_bias")]
    private static extern ref Parameter? BiasOf(Convolution convolution);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_weight")]
    private static extern ref Parameter? WeightOf(Linear linear);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_bias")]
    private static extern ref Parameter? BiasOf(Linear linear);

    private delegate ref Parameter? Field();

    /// <summary>The fields of a layer, and what changes places with their values: the copies outside of a pass.</summary>
    private sealed class Layer(Field weight, Field bias) : IDisposable
    {
        private Parameter? _otherWeight = Copy(weight());
        private Parameter? _otherBias = Copy(bias());

        public void Exchange()
        {
            (weight(), _otherWeight) = (_otherWeight, weight());
            (bias(), _otherBias) = (_otherBias, bias());
        }

        public void Dispose()
        {
            _otherWeight?.Dispose();
            _otherBias?.Dispose();
        }

        // Keeps the order of the values in memory.
        private static Parameter? Copy(Parameter? own)
        {
            if (own is null) return null;
            var copy = new Parameter(own.detach().to(Low), requires_grad: false);
            copy.DetachFromDisposeScope();
            return copy;
        }
    }
}

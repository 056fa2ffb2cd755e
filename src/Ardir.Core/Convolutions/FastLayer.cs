using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using TorchSharp.Modules;

namespace Ardir.Core;

/// <summary>A convolution that is computed by an algorithm of this library for threads that asked for it. A hook before its pass computes
/// the result and sends it an empty batch, which costs nothing; a hook afterwards replaces its answer.</summary>
internal sealed class FastLayer
{
    private static readonly ConditionalWeakTable<Conv2d, FastLayer> _all = [];

    // What the hook before the pass of this thread has computed. A convolution calls no other one.
    [ThreadStatic]
    private static (Conv2d Convolution, Tensor Nothing, Tensor Result)? _pending;

    private readonly Lock _lock = new();
    private FastWeights? _weights;
    private bool _hasHooks;
    private int _users;

    /// <summary>Lets a convolution compute by an algorithm of this library on this thread until <see cref="Leave"/> has been called as
    /// often as this.</summary>
    /// <returns>Whether it does; false where none applies, and <see cref="Leave"/> must not be called then.</returns>
    public static bool Enter(Conv2d convolution)
    {
        if (!FastAlgorithm.Suits(convolution)) return false;
        var layer = _all.GetOrCreateValue(convolution);
        lock (layer._lock)
        {
            if (ModuleHooks.Has(convolution) || !layer.Register(convolution)) return false;
            layer._users++;
        }
        ThreadUses.Enter(convolution);
        return true;
    }

    /// <summary>Ends one use; the last one frees what was made of the weights.</summary>
    public static void Leave(Conv2d convolution)
    {
        ThreadUses.Leave(convolution);
        if (!_all.TryGetValue(convolution, out var layer)) return;
        lock (layer._lock)
        {
            if (--layer._users > 0) return;
            layer._weights?.Dispose();
            layer._weights = null;
        }
    }

    /// <summary>Whether a module has the hooks of this class, which stay once they are there.</summary>
    public static bool HasHooks(nn.Module module) =>
        module is Conv2d convolution && _all.TryGetValue(convolution, out var layer) && layer._hasHooks;

    /// <summary>Whether a convolution computes by an algorithm of this library on this thread.</summary>
    public static bool IsEntered(Conv2d convolution) => ThreadUses.Has(convolution);

    // Another thread may be calling the model, so hooks are not added to lists that it reads.
    private bool Register(Conv2d convolution) =>
        _hasHooks || (_hasHooks = ModuleHooks.TryAdd(convolution, Before, After));

    private Tensor Before(nn.Module<Tensor, Tensor> module, Tensor input)
    {
        GiveUp();
        var convolution = (Conv2d)module;
        // Somebody who watches the convolution since the scope began is to see its input. A wrong number of channels is for the
        // convolution itself to refuse.
        if (!ThreadUses.Has(convolution) || ModuleHooks.Has(convolution) || !FastAlgorithm.Suits(convolution)
            || !FastAlgorithm.Suits(convolution, input)) return null!;
        ConvolutionFunction.ThrowIfFailed();
        if (Weights(convolution) is not { } weights) return null!;
        using var scope = NewDisposeScope();
        var result = weights.Convolve(input, convolution.bias).MoveToOuterDisposeScope();
        var nothing = empty([0, .. input.shape[1..]], input.dtype, input.device).MoveToOuterDisposeScope();
        _pending = (convolution, nothing, result);
        return nothing;
    }

    private static Tensor After(nn.Module<Tensor, Tensor> module, Tensor input, Tensor output)
    {
        if (_pending is not { } pending || !ReferenceEquals(pending.Convolution, module)) return null!;
        _pending = null;
        output.Dispose();
        pending.Nothing.Dispose();
        return pending.Result;
    }

    // What a pass that failed in between left behind.
    private static void GiveUp()
    {
        if (_pending is not { } pending) return;
        _pending = null;
        pending.Nothing.Dispose();
        pending.Result.Dispose();
    }

    private FastWeights? Weights(Conv2d convolution)
    {
        lock (_lock) return _users == 0 ? null : _weights ??= new FastWeights(convolution, convolution.weight);
    }
}

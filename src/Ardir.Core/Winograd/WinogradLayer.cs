using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using TorchSharp.Modules;

namespace Ardir.Core;

/// <summary>A convolution that computes by Winograd's algorithm for threads that asked for it. A hook before its pass computes the result
/// and sends it an empty batch, which costs nothing; a hook afterwards replaces its answer.</summary>
internal sealed class WinogradLayer
{
    private const int MostChannels = 384;
    private const int LeastPixels = 5;
    private const long LeastProducts = 1_000_000;

    private static readonly ConditionalWeakTable<Conv2d, WinogradLayer> _all = [];

    // What the hook before the pass of this thread has computed. A convolution calls no other one.
    [ThreadStatic]
    private static (Conv2d Convolution, Tensor Nothing, Tensor Result)? _pending;

    private readonly Lock _lock = new();
    private WinogradWeights? _weights;
    private bool _hasHooks;
    private int _users;

    /// <summary>Lets a convolution compute by the algorithm on this thread until <see cref="Leave"/> has been called as often as
    /// this.</summary>
    /// <returns>Whether it does; false where the algorithm does not apply, and <see cref="Leave"/> must not be called then.</returns>
    public static bool Enter(Conv2d convolution)
    {
        if (!Suits(convolution) || !HasSuitableWeight(convolution)) return false;
        var layer = _all.GetOrCreateValue(convolution);
        lock (layer._lock)
        {
            if (ModuleHooks.Has(convolution) || !layer.Register(convolution)) return false;
            layer._users++;
        }
        ThreadUses.Enter(convolution);
        return true;
    }

    /// <summary>Ends one use; the last one frees the transformed weights.</summary>
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

    /// <summary>Whether a convolution computes by the algorithm on this thread.</summary>
    public static bool IsEntered(Conv2d convolution) => ThreadUses.Has(convolution);

    /// <summary>Whether the algorithm applies to an input of a convolution.</summary>
    public static bool Suits(Conv2d convolution, Tensor input) =>
        input.dtype == ScalarType.Float32 && input.device_type == DeviceType.CPU && input.dim() == 4
        && input.shape is [> 0, _, >= LeastPixels, >= LeastPixels] && !IsTooSmall(convolution, input);

    // Emulated vectors would be slower than libtorch.
    private static bool Suits(Conv2d convolution) =>
        Vector256.IsHardwareAccelerated
        && convolution is { in_channels: > 0 and <= MostChannels, out_channels: > 0 and <= MostChannels, groups: 1 }
        && convolution.in_channels % WinogradKernel.Lanes == 0 && convolution.out_channels % WinogradKernel.Lanes == 0
        && convolution.kernel_size is [3, 3] && convolution.stride is [1, 1] && convolution.dilation is [1, 1]
        && convolution.padding is [1, 1] && convolution.padding_mode == PaddingModes.Zeros;

    private static bool HasSuitableWeight(Conv2d convolution) =>
        convolution.weight is { IsInvalid: false, dtype: ScalarType.Float32, device_type: DeviceType.CPU };

    // Another thread may be calling the model, so hooks are not added to lists that it reads.
    private bool Register(Conv2d convolution) =>
        _hasHooks || (_hasHooks = ModuleHooks.TryAdd(convolution, Before, After));

    private Tensor Before(nn.Module<Tensor, Tensor> module, Tensor input)
    {
        GiveUp();
        var convolution = (Conv2d)module;
        // Somebody who watches the convolution since the scope began is to see its input. A wrong number of channels is for the
        // convolution itself to refuse.
        if (!ThreadUses.Has(convolution) || ModuleHooks.Has(convolution) || !HasSuitableWeight(convolution) || !Suits(convolution, input)
            || input.shape[1] != convolution.in_channels) return null!;
        WinogradFunction.ThrowIfFailed();
        if (Weights(convolution) is not { } weights) return null!;
        using var scope = NewDisposeScope();
        var result = weights.Convolve(input, convolution.bias).MoveToOuterDisposeScope();
        var nothing = empty([0, input.shape[1], LeastPixels, LeastPixels], input.dtype, input.device).MoveToOuterDisposeScope();
        _pending = (convolution, nothing, result);
        return nothing;
    }

    // Small work is not worth other threads than those of libtorch, which are busy waiting. The number of images does not count, so
    // that results do not depend on it.
    private static bool IsTooSmall(Conv2d convolution, Tensor input) =>
        (input.shape[2] + 3) / 4 * ((input.shape[3] + 3) / 4) * WinogradKernel.Points * convolution.in_channels * convolution.out_channels
            < LeastProducts
        && get_num_threads() > 1;

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

    private WinogradWeights? Weights(Conv2d convolution)
    {
        lock (_lock) return _users == 0 ? null : _weights ??= new WinogradWeights(convolution.weight);
    }
}

using System.Runtime.CompilerServices;
using TorchSharp.Modules;

namespace Ardir.Core;

/// <summary>A convolution that computes by Winograd's algorithm for as long as a scope asks for it. A hook before its pass computes the
/// result and sends it an empty batch, which costs nothing; a hook afterwards replaces its answer.</summary>
internal sealed class WinogradLayer
{
    private const int MostChannels = 384;
    private const int LeastPixels = 5;
    private const int Hooks = 2;

    private static readonly ConditionalWeakTable<Conv2d, WinogradLayer> _all = [];

    // What the hook before the pass of this thread has computed. A convolution calls no other one.
    [ThreadStatic]
    private static (Conv2d Convolution, Tensor Nothing, Tensor Result)? _pending;

    private readonly Lock _lock = new();
    private Action? _remove;
    private WinogradWeights? _weights;
    private int _users;

    /// <summary>Whether the algorithm applies to a convolution, entered already or not.</summary>
    public static bool Suits(Conv2d convolution) =>
        convolution is { in_channels: > 0 and <= MostChannels, out_channels: > 0 and <= MostChannels, groups: 1 }
        && convolution.in_channels % WinogradKernel.Lanes == 0 && convolution.out_channels % WinogradKernel.Lanes == 0
        && convolution.kernel_size is [3, 3] && convolution.stride is [1, 1] && convolution.dilation is [1, 1]
        && convolution.padding is [1, 1] && convolution.padding_mode == PaddingModes.Zeros
        && convolution.weight is { dtype: ScalarType.Float32, device_type: DeviceType.CPU }
        && !ModuleHooks.Has(convolution);

    /// <summary>Lets a convolution compute by the algorithm until <see cref="Leave"/> has been called as often as this.</summary>
    public static void Enter(Conv2d convolution)
    {
        var layer = _all.GetOrCreateValue(convolution);
        lock (layer._lock)
        {
            if (layer._users++ == 0) layer.Register(convolution);
        }
    }

    /// <summary>Ends one use; the last one frees the transformed weights.</summary>
    public static void Leave(Conv2d convolution)
    {
        if (!_all.TryGetValue(convolution, out var layer)) return;
        lock (layer._lock)
        {
            if (--layer._users > 0) return;
            layer._remove!();
            layer._weights?.Dispose();
            (layer._remove, layer._weights) = (null, null);
        }
    }

    /// <summary>How many of a module's hooks are those of this class.</summary>
    public static int HooksOf(nn.Module module) => module is Conv2d convolution && IsEntered(convolution) ? Hooks : 0;

    /// <summary>Whether a convolution computes by the algorithm now.</summary>
    public static bool IsEntered(Conv2d convolution) => _all.TryGetValue(convolution, out var layer) && layer._remove is not null;

    /// <summary>Whether the algorithm applies to an input.</summary>
    public static bool Suits(Tensor input) =>
        input.dtype == ScalarType.Float32 && input.device_type == DeviceType.CPU && input.dim() == 4
        && input.shape is [> 0, _, >= LeastPixels, >= LeastPixels];

    private void Register(Conv2d convolution)
    {
        var before = convolution.register_forward_pre_hook(Before);
        var after = convolution.register_forward_hook(After);
        _remove = () =>
        {
            before.remove();
            after.remove();
        };
    }

    private Tensor Before(nn.Module<Tensor, Tensor> module, Tensor input)
    {
        GiveUp();
        var convolution = (Conv2d)module;
        // A wrong number of channels is for the convolution itself to refuse.
        if (!Suits(input) || input.shape[1] != convolution.in_channels) return null!;
        using var scope = NewDisposeScope();
        var result = Weights(convolution).Convolve(input, convolution.bias).MoveToOuterDisposeScope();
        var nothing = empty([0, input.shape[1], LeastPixels, LeastPixels], input.dtype, input.device).MoveToOuterDisposeScope();
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

    private WinogradWeights Weights(Conv2d convolution)
    {
        lock (_lock) return _weights ??= new WinogradWeights(convolution.weight);
    }
}

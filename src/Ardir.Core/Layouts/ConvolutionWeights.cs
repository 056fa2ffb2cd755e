using System.Runtime.CompilerServices;
using TorchSharp.Modules;

namespace Ardir.Core;

/// <summary>
/// The channels-last copy of a convolution's weight, which takes the weight's place for as long as somebody asks for it. The registered
/// parameter is not touched, so the state of the model, its optimiser and graphs that were recorded before stay as they are.
/// </summary>
internal sealed class ConvolutionWeights
{
    // The copy lives as long as the convolution, because another thread may still be computing with it when the last scope ends, and
    // because the next attack needs it again.
    private static readonly ConditionalWeakTable<Conv2d, ConvolutionWeights> _all = [];
    private static readonly Lazy<bool> _canReplace = new(CanReplaceWeights);

    private readonly Lock _lock = new();
    private Parameter? _own;
    private Parameter? _copy;
    private int _users;

    /// <summary>Lets a convolution compute with a copy of its weight until <see cref="Leave"/> has been called as often as this.</summary>
    /// <returns>Whether it does; false where the weight is in channels-last order anyway, and <see cref="Leave"/> must not be called
    /// then.</returns>
    public static bool Enter(Conv2d convolution)
    {
        if (!_canReplace.Value) return false;
        var weights = _all.GetOrCreateValue(convolution);
        lock (weights._lock) return weights.Use(convolution);
    }

    /// <summary>Ends one use of the copy; the last one gives the convolution its own weight back.</summary>
    public static void Leave(Conv2d convolution)
    {
        if (!_all.TryGetValue(convolution, out var weights)) return;
        lock (weights._lock) weights.Return(convolution);
    }

    private bool Use(Conv2d convolution)
    {
        if (_users == 0)
        {
            var own = WeightOf(convolution);
            if (own is null || own.IsInvalid || ChannelsLastLayout.Has(own)) return false;
            _own = own;
        }
        else if (WeightOf(convolution) is { } other && !ReferenceEquals(other, _copy) && !ReferenceEquals(other, _own))
        {
            // The owner gave the convolution another weight within the scope.
            _own = other;
        }
        Refresh(_own!);
        _users++;
        WeightOf(convolution) = _copy;
        return true;
    }

    private void Return(Conv2d convolution)
    {
        if (--_users > 0) return;
        // A convolution that was disposed meanwhile has disposed the copy in place of its weight.
        if (_copy!.IsInvalid) _own!.Dispose();
        // One that was moved or converted meanwhile has another weight by now, which is the registered one.
        if (ReferenceEquals(WeightOf(convolution), _copy)) WeightOf(convolution) = _own;
        _own = null;
    }

    /// <summary>Makes the copy, or brings it up to date if the weight has changed. One that is up to date is left alone, because a graph
    /// that another thread has recorded with it would be refused after a change.</summary>
    private void Refresh(Parameter own)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        if (_copy is not { IsInvalid: false } copy || copy.dtype != own.dtype || !TensorGuard.AreOnSameDevice(copy, own))
        {
            var fresh = new Parameter(ChannelsLastLayout.Copy(own), requires_grad: false);
            fresh.DetachFromDisposeScope();
            _copy = fresh;
        }
        else if (!HostRead.Bool((copy == own).all()))
        {
            copy.copy_(own);
        }
    }

    private static bool CanReplaceWeights()
    {
        using var convolution = nn.Conv2d(1, 1, 1);
        try
        {
            return ReferenceEquals(WeightOf(convolution), convolution.weight);
        }
        catch (MissingFieldException)
        {
            // Another version of TorchSharp: models then compute in the order in which they are.
            return false;
        }
    }

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_weight")]
    private static extern ref Parameter? WeightOf(Convolution convolution);
}

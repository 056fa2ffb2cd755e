using Ardir.Core;

namespace Ardir.Distillation;

/// <summary>Remembers on the device which step of an epoch had the first non-finite loss, so that nothing waits for the device before
/// <see cref="Read"/>.</summary>
internal sealed class LossWatch(Device device) : IDisposable
{
    private readonly Tensor _first = tensor(-1L, device: device).DetachFromDisposeScope();

    public void Add(Tensor loss, int step)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var found = loss.detach().reshape([]).isfinite().logical_not_().logical_and_(_first < 0);
        _first.masked_fill_(found, step);
    }

    /// <summary>The step, or null.</summary>
    public int? Read()
    {
        var step = HostRead.Int64(_first);
        return step < 0 ? null : (int)step;
    }

    public void Clear()
    {
        using var noGrad = no_grad();
        _first.fill_(-1);
    }

    public void Dispose() => _first.Dispose();
}

using TorchSharp.Modules;

namespace Ardir.Core;

/// <summary>The hooks of one batch norm: before its pass they send it, in eval mode, a single sample, which costs nothing and changes no
/// statistics, and afterwards they replace its answer.</summary>
internal sealed class SynchronizedLayer
{
    private readonly BatchNorm _norm;
    private readonly Action _remove;
    private readonly bool _hadGradient;
    private bool _isUsed;
    private Tensor? _input;
    private Tensor? _single;

    public SynchronizedLayer(string name, BatchNorm norm, SynchronizedBatchNorm owner)
    {
        (Name, _norm, Owner) = (name, norm, owner);
        _hadGradient = HasGradient();
        var (before, after) = (norm.register_forward_pre_hook(Before), norm.register_forward_hook(After));
        _remove = () =>
        {
            before.remove();
            after.remove();
        };
    }

    public string Name { get; }

    public SynchronizedBatchNorm Owner { get; }

    /// <summary>Whether the layer took part in a backward pass although its hooks have never been called. Known only of layers with a
    /// weight that had no gradient before.</summary>
    public bool IsBypassed => !_isUsed && !_hadGradient && _norm.training && HasGradient();

    public double Epsilon => _norm.eps;

    public void Remove()
    {
        _remove();
        GiveUp();
    }

    /// <summary>Statistics over all ranks: how many values, their mean and their variance, [1], [C] and [C]. One collective call.</summary>
    public (Tensor Count, Tensor Mean, Tensor Variance) Measure(Tensor values)
    {
        var channels = values.shape[1];
        var dimensions = Others(values);
        var mean = values.mean(dimensions);
        var squares = (values - Broad(mean, values)).pow_(2).sum(dimensions);
        var count = full([1], values.numel() / channels, values.dtype, values.device);
        var all = Owner.Collective.AllGather(cat([count, mean, squares]).unsqueeze(0));
        var (counts, means) = (all.narrow(1, 0, 1), all.narrow(1, 1, channels));
        var total = counts.sum(dim: 0);
        var common = (means * counts).sum(dim: 0) / total;
        var spread = all.narrow(1, 1 + channels, channels).sum(dim: 0) + ((means - common).square() * counts).sum(dim: 0);
        Update(common, spread / (total - 1));
        return (total, common, spread / total);
    }

    /// <summary>A value per channel, shaped to be combined with a batch.</summary>
    public static Tensor Broad(Tensor perChannel, Tensor batch) =>
        perChannel.reshape([1, -1, .. Enumerable.Repeat(1L, (int)batch.dim() - 2)]);

    /// <summary>All dimensions but that of the channels.</summary>
    public static long[] Others(Tensor batch) => [.. Enumerable.Range(0, (int)batch.dim()).Where(i => i != 1).Select(i => (long)i)];

    private Tensor Before(nn.Module<Tensor, Tensor> module, Tensor input)
    {
        GiveUp();
        Owner.ThrowIfFailed();
        if (!_norm.training) return null!;
        if (input.dim() == 0 || input.shape[0] == 0)
            throw new InvalidOperationException(
                $"The batch norm '{Name}' got [{string.Join(',', input.shape)}], but synchronised batch norm needs at least one " +
                "sample at every rank.");
        _isUsed = true;
        using var values = input.detach();
        (_input, _single) = (input, values.narrow(0, 0, 1));
        _norm.train(false);
        return _single;
    }

    private Tensor After(nn.Module<Tensor, Tensor> module, Tensor input, Tensor output)
    {
        if (_input is not { } batch) return null!;
        output.Dispose();
        _single!.Dispose();
        (_input, _single) = (null, null);
        _norm.train(true);
        using var scope = NewDisposeScope();
        return SynchronizedFunction.apply(batch, _norm.weight!, _norm.bias!, this).MoveToOuterDisposeScope();
    }

    // What a pass that failed in between left behind.
    private void GiveUp()
    {
        if (_input is not null) _norm.train(true);
        _single?.Dispose();
        (_input, _single) = (null, null);
    }

    private bool HasGradient()
    {
        using var gradient = _norm.weight?.grad;
        return gradient is not null;
    }

    // As TorchSharp's own: no momentum stands for the mean over all batches.
    private void Update(Tensor mean, Tensor variance)
    {
        if (!_norm.track_running_stats) return;
        _norm.num_batches_tracked!.add_(1);
        var share = _norm.momentum ?? 1.0 / HostRead.Int64(_norm.num_batches_tracked);
        _norm.running_mean!.mul_(1 - share).add_(mean, alpha: share);
        _norm.running_var!.mul_(1 - share).add_(variance, alpha: share);
    }
}

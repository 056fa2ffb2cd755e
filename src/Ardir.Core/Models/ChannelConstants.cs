namespace Ardir.Core;

/// <summary>
/// The built-in normalisation of a network: its two small tensors, made once for each device and dtype that comes by. As buffers they would be state entries, which the
/// published checkpoints lack. Belongs to the network that made it.
/// </summary>
internal sealed class ChannelConstants(ChannelStatistics statistics) : IDisposable
{
    private readonly Dictionary<(ScalarType, DeviceType, int), (Tensor Mean, Tensor Std)> _made = [];

    /// <summary>The normalised input, owned by the caller.</summary>
    public Tensor Apply(Tensor input)
    {
        var (mean, std) = For(input);
        using var centred = input - mean;
        return centred / std;
    }

    public void Dispose()
    {
        lock (_made)
        {
            foreach (var (mean, std) in _made.Values)
            {
                mean.Dispose();
                std.Dispose();
            }
            _made.Clear();
        }
    }

    // None is released before the network is: another thread may be using it.
    private (Tensor Mean, Tensor Std) For(Tensor input)
    {
        lock (_made)
        {
            var key = (input.dtype, input.device_type, input.device_index);
            if (!_made.TryGetValue(key, out var pair)) _made[key] = pair = (Make(statistics.Mean, input), Make(statistics.Std, input));
            return pair;
        }
    }

    // Tensors made in inference mode could never take part in a backward pass.
    private static Tensor Make(IReadOnlyList<double> values, Tensor like)
    {
        using var normal = inference_mode(false);
        return tensor([.. values], [1, values.Count, 1, 1], like.dtype, like.device).DetachFromDisposeScope();
    }
}

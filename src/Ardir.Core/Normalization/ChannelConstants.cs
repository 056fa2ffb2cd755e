namespace Ardir.Core;

/// <summary>
/// The built-in normalisation of a network: its two small tensors, made once for each device and dtype of the inputs. They are not
/// buffers, because buffers are state entries and the published checkpoints have none for them. The network that made this disposes it.
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

    // The tensors are kept until the network is disposed, because another thread may be using them.
    private (Tensor Mean, Tensor Std) For(Tensor input)
    {
        lock (_made)
        {
            var key = (input.dtype, input.device_type, input.device_index);
            if (!_made.TryGetValue(key, out var pair))
                _made[key] = pair = (Make(statistics.Mean, input), Make(statistics.Std, input));
            return pair;
        }
    }

    // Inference mode is switched off, because tensors made in it could never take part in a backward pass.
    private static Tensor Make(IReadOnlyList<double> values, Tensor like)
    {
        using var normal = inference_mode(false);
        return tensor([.. values], [1, values.Count, 1, 1], like.dtype, like.device).DetachFromDisposeScope();
    }
}

using Ardir.Core;

namespace Ardir.Distillation;

/// <summary>Holds the averaged weights and buffers of a run, by name.</summary>
internal sealed class AverageKeeper(WeightAveraging options) : IDisposable
{
    private Dictionary<string, Tensor> _values = new(StringComparer.Ordinal);

    /// <summary>How many contributions the mean has; 0 while there is none.</summary>
    public long Count { get; private set; }

    /// <summary>The average so far. Live tensors.</summary>
    public IReadOnlyDictionary<string, Tensor> Values => _values;

    /// <summary>Goes on from a checkpoint. Copies.</summary>
    public void Load(IReadOnlyDictionary<string, Tensor> values, long count, nn.Module student, string path)
    {
        Release();
        Count = count;
        if (count == 0) return;
        StudentState.Check(student, values, path);
        var target = student.state_dict();
        _values = values.ToDictionary(
            pair => pair.Key, pair => pair.Value.to(target[pair.Key].device, copy: true).DetachFromDisposeScope(), StringComparer.Ordinal);
    }

    public void AfterStep(nn.Module student, MasterWeights? masters, int epoch)
    {
        if (options is not ExponentialMovingAverage { Decay: var decay } || epoch < options.StartEpoch) return;
        Add(student, masters, decay);
    }

    /// <summary>Takes the weights of an epoch's end into the mean.</summary>
    /// <returns>Whether it did: buffers are to be measured anew.</returns>
    public bool AfterEpoch(nn.Module student, MasterWeights? masters, int epoch)
    {
        if (options is not StochasticWeightAveraging { EveryEpochs: var every } || epoch < options.StartEpoch || (epoch - options.StartEpoch) % every != 0) return false;
        Add(student, masters, Count / (Count + 1.0));
        return true;
    }

    /// <summary>Takes over buffers that were measured with the average in the student.</summary>
    public void TakeBuffers(nn.Module student)
    {
        using var noGrad = no_grad();
        // A buffer in bfloat16 is a rounding of what the average has already; batch norm's are never that.
        foreach (var (name, buffer) in student.named_buffers())
            if (_values[name].dtype == buffer.dtype) _values[name].copy_(buffer);
    }

    public void Dispose() => Release();

    private void Add(nn.Module student, MasterWeights? masters, double keep)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        // By handle: a parameter that two layers share has two names in the state but only one among the parameters.
        var parameters = student.parameters().Select(parameter => parameter.Handle).ToHashSet();
        var state = student.state_dict();
        foreach (var (name, now) in masters?.State() ?? state)
        {
            if (Count == 0) _values[name] = now.detach().clone().DetachFromDisposeScope();
            else if (parameters.Contains(state[name].Handle)) _values[name].mul_(keep).add_(now, alpha: 1 - keep);
            else _values[name].copy_(now);
        }
        Count++;
    }

    private void Release()
    {
        foreach (var value in _values.Values) value.Dispose();
        _values.Clear();
    }
}

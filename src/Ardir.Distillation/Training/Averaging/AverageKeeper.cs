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

    /// <summary>Restores the average from a checkpoint. The tensors are copied.</summary>
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

    public void AfterStep(StudentWeights weights, int epoch)
    {
        if (options is not ExponentialMovingAverage { Decay: var decay } || epoch < options.StartEpoch) return;
        Add(weights, decay);
    }

    /// <summary>Adds the weights at the end of an epoch to the mean.</summary>
    /// <returns>Whether it did; the batch-norm statistics of the average must then be measured again.</returns>
    public bool AfterEpoch(StudentWeights weights, int epoch)
    {
        if (options is not StochasticWeightAveraging { EveryEpochs: var every }) return false;
        if (epoch < options.StartEpoch || (epoch - options.StartEpoch) % every != 0) return false;
        Add(weights, Count / (Count + 1.0));
        return true;
    }

    /// <summary>Copies the student's buffers, which were measured while the student held the average.</summary>
    public void TakeBuffers(nn.Module student)
    {
        using var noGrad = no_grad();
        // A buffer in bfloat16 is only a rounded copy of the average's own float32 buffer; those of batch norm stay in float32.
        foreach (var (name, buffer) in student.named_buffers())
            if (_values[name].dtype == buffer.dtype) _values[name].copy_(buffer);
    }

    /// <summary>Takes over buffers that changed outside of a step, where they are the student's in every step.</summary>
    public void FollowBuffers(nn.Module student)
    {
        if (options is ExponentialMovingAverage && Count > 0) TakeBuffers(student);
    }

    public void Dispose() => Release();

    private void Add(StudentWeights weights, double keep)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        // Compared by handle, because a parameter that two layers share has two names in the state but only one among the parameters.
        var parameters = weights.Student.parameters().Select(parameter => parameter.Handle).ToHashSet();
        var state = weights.Student.state_dict();
        foreach (var (name, now) in weights.State())
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

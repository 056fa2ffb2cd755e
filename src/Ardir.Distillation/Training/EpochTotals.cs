using Ardir.Core;

namespace Ardir.Distillation;

/// <summary>Sums over an epoch, kept on the device: nothing waits for the device until they are read.</summary>
internal sealed class EpochTotals : IDisposable
{
    private readonly Dictionary<string, Tensor> _sums = new(StringComparer.Ordinal);

    private long _samples;

    private const string Loss = "\0loss";
    private const string Right = "\0right";

    public void Add(LossTerms terms, Tensor logits, Tensor labels)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var count = labels.shape[0];
        Accumulate(Loss, terms.Total.detach() * (double)count);
        Accumulate(Right, (Predictions.Of(logits) == labels).sum());
        foreach (var (name, value) in terms.Parts) Accumulate(name, value * (double)count);
        _samples += count;
    }

    public double MeanLoss() => _sums[Loss].ToDouble() / _samples;

    public double Accuracy() => _sums[Right].ToDouble() / _samples;

    public Dictionary<string, double> Terms() =>
        _sums.Where(pair => pair.Key[0] != '\0').ToDictionary(pair => pair.Key, pair => pair.Value.ToDouble() / _samples, StringComparer.Ordinal);

    public void Dispose()
    {
        foreach (var sum in _sums.Values) sum.Dispose();
    }

    private void Accumulate(string name, Tensor value)
    {
        if (_sums.TryGetValue(name, out var sum)) sum.add_(value);
        else _sums[name] = value.to(ScalarType.Float64, copy: true).DetachFromDisposeScope();
    }
}

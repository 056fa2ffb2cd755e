using System.Text.Json;
using Ardir.Core;

namespace Ardir.Distillation;

/// <summary>Sums over an epoch, kept on the device: nothing waits for the device until they are read.</summary>
internal sealed class EpochTotals : IDisposable
{
    private readonly Dictionary<string, Tensor> _sums = new(StringComparer.Ordinal);

    private readonly Dictionary<string, long> _samples = new(StringComparer.Ordinal);

    private const string Loss = "\0loss";
    private const string Right = "\0right";

    /// <summary>Sums that every batch adds to.</summary>
    public static IReadOnlyList<string> Always { get; } = [Loss, Right];

    public void Add(LossTerms terms, Tensor logits, Tensor labels)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var count = labels.shape[0];
        Accumulate(Loss, terms.Total.detach() * (double)count, count);
        Accumulate(Right, (Predictions.Of(logits) == labels).sum(), count);
        foreach (var (name, value) in terms.Parts) Accumulate(name, value * (double)count, count);
    }

    /// <summary>The sums as numbers, to resume from. Waits for the device.</summary>
    public Dictionary<string, PartialSum> Save() => _sums.ToDictionary(
        pair => pair.Key, pair => new PartialSum(HostRead.Double(pair.Value), _samples[pair.Key]), StringComparer.Ordinal);

    public void Load(IReadOnlyDictionary<string, PartialSum> saved, Device device)
    {
        foreach (var (name, (sum, samples)) in saved)
        {
            _sums[name] = tensor(sum, ScalarType.Float64, device).DetachFromDisposeScope();
            _samples[name] = samples;
        }
    }

    /// <summary>The sums of all ranks together, at every rank. Waits for the device.</summary>
    public EpochTotals Over(Ranks ranks)
    {
        var all = new Dictionary<string, PartialSum>(StringComparer.Ordinal);
        foreach (var text in ranks.Gather(JsonSerializer.Serialize(Save(), RankJson.Default.Sums)))
        {
            foreach (var (name, sum) in JsonSerializer.Deserialize(text, RankJson.Default.Sums)!)
                all[name] = all.TryGetValue(name, out var before) ? new(before.Sum + sum.Sum, before.Samples + sum.Samples) : sum;
        }
        var result = new EpochTotals();
        result.Load(all, CPU);
        return result;
    }

    /// <summary>Whether a batch was added.</summary>
    public bool Any => _sums.Count > 0;

    public double MeanLoss() => Mean(Loss);

    public double Accuracy() => Mean(Right);

    public Dictionary<string, double> Terms() =>
        _sums.Keys.Where(name => !name.StartsWith('\0')).ToDictionary(name => name, Mean, StringComparer.Ordinal);

    public void Dispose()
    {
        foreach (var sum in _sums.Values) sum.Dispose();
    }

    // Divides by the samples of the batches that had this part, because a loss need not have every part in every batch.
    private double Mean(string name) => HostRead.Double(_sums[name]) / _samples[name];

    private void Accumulate(string name, Tensor value, long count)
    {
        _samples[name] = _samples.GetValueOrDefault(name) + count;
        if (_sums.TryGetValue(name, out var sum)) sum.add_(value);
        else _sums[name] = value.to(ScalarType.Float64, copy: true).DetachFromDisposeScope();
    }
}

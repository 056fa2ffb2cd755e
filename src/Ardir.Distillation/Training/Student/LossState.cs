using TorchSharp.Modules;

namespace Ardir.Distillation;

/// <summary>The trainable state of a loss in a checkpoint: weights and momentum by name. Empty for a loss without parameters.</summary>
internal sealed class LossState(nn.Module? trainable, nn.Module student, SGD optimizer)
{
    private const string Weights = "weights.";
    private const string Momentum = "momentum.";

    /// <summary>Live tensors, not copies.</summary>
    public Dictionary<string, Tensor> Collect(bool withMomentum)
    {
        var result = new Dictionary<string, Tensor>(StringComparer.Ordinal);
        if (trainable is null) return result;
        foreach (var (name, value) in trainable.state_dict()) result[Weights + name] = value;
        if (!withMomentum) return result;
        foreach (var (name, value) in StudentState.Momentum(trainable, optimizer, Before)) result[Momentum + name] = value;
        return result;
    }

    /// <summary>Restores the momentum buffers and only checks the weights, which <see cref="Load"/> restores later: the caller's
    /// tensors change only after everything else has been accepted.</summary>
    public void LoadMomentum(IReadOnlyDictionary<string, Tensor> source, string path)
    {
        var module = trainable ?? new Nothing();
        StudentState.Check(module, Part(source, Weights), path, "loss");
        StudentState.LoadMomentum(module, optimizer, Part(source, Momentum), path, "loss", Before);
    }

    public void Load(IReadOnlyDictionary<string, Tensor> source, string path)
    {
        if (trainable is not null) StudentState.Load(trainable, Part(source, Weights), path, "loss");
    }

    private int Before => student.parameters().Count(parameter => parameter.requires_grad);

    private static Dictionary<string, Tensor> Part(IReadOnlyDictionary<string, Tensor> source, string prefix) => source
        .Where(pair => pair.Key.StartsWith(prefix, StringComparison.Ordinal))
        .ToDictionary(pair => pair.Key[prefix.Length..], pair => pair.Value, StringComparer.Ordinal);

    private sealed class Nothing() : nn.Module(nameof(Nothing));
}

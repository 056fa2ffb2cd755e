namespace Ardir.Distillation;

/// <summary>The trainable state of a loss in a checkpoint: weights and optimiser state by name. Empty for a loss without
/// parameters.</summary>
internal sealed class LossState(nn.Module? trainable, RunOptimizer optimizer)
{
    private const string Weights = "weights.";
    private const string Optimizer = "optimizer.";

    /// <summary>Live tensors, and copies that belong to the caller's dispose scope.</summary>
    public Dictionary<string, Tensor> Collect(bool withOptimizer)
    {
        var result = new Dictionary<string, Tensor>(StringComparer.Ordinal);
        if (trainable is null) return result;
        foreach (var (name, value) in trainable.state_dict()) result[Weights + name] = value;
        if (!withOptimizer) return result;
        foreach (var (name, value) in SavedOptimizer.Save(optimizer, optimizer.Loss)) result[Optimizer + name] = value;
        return result;
    }

    /// <summary>Restores the optimiser's state and only checks the weights, which <see cref="Load"/> restores later: the caller's tensors
    /// change only after everything else has been accepted.</summary>
    public void LoadOptimizer(IReadOnlyDictionary<string, Tensor> source, string path)
    {
        StudentState.Check(trainable ?? new Nothing(), Part(source, Weights), path, "loss");
        SavedOptimizer.Load(optimizer, optimizer.Loss, Part(source, Optimizer), (path, "loss"));
    }

    public void Load(IReadOnlyDictionary<string, Tensor> source, string path)
    {
        if (trainable is not null) StudentState.Load(trainable, Part(source, Weights), path, "loss");
    }

    private static Dictionary<string, Tensor> Part(IReadOnlyDictionary<string, Tensor> source, string prefix) => source
        .Where(pair => pair.Key.StartsWith(prefix, StringComparison.Ordinal))
        .ToDictionary(pair => pair.Key[prefix.Length..], pair => pair.Value, StringComparer.Ordinal);

    private sealed class Nothing() : nn.Module(nameof(Nothing));
}

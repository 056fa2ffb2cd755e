namespace Ardir.Distillation;

/// <summary>The tensors of a checkpoint, grouped by what they belong to.</summary>
internal sealed record CheckpointTensors(
    IReadOnlyDictionary<string, Tensor> Student,
    IReadOnlyDictionary<string, Tensor> Optimizer,
    IReadOnlyDictionary<string, Tensor> Average,
    IReadOnlyDictionary<string, Tensor> Loss) : IDisposable
{
    public static IReadOnlyDictionary<string, Tensor> None { get; } = new Dictionary<string, Tensor>();

    /// <summary>Only for a checkpoint that was read: the tensors of one to be written belong to student and optimiser.</summary>
    public void Dispose()
    {
        foreach (var tensor in Student.Values.Concat(Optimizer.Values).Concat(Average.Values).Concat(Loss.Values)) tensor.Dispose();
    }
}

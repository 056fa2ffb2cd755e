using Ardir.Core;

namespace Ardir.Distillation;

/// <summary>Weights or losses that are no numbers any more.</summary>
internal static class DivergedRun
{
    public static InvalidOperationException Error(int epoch, double? loss = null, Exception? cause = null, string? batch = null) => new(
        $"{(loss is null ? "Weights or logits of the student became NaN or infinite" : $"The training loss became {loss}")} in epoch {epoch}. {(batch is null ? "" : $"The first batch at fault is in '{batch}'. ")}The checkpoint of the epoch before is intact. Lower the learning rate or set WarmupEpochs.", cause);

    /// <summary>Exploded weights may be finite still; their logits are not.</summary>
    public static bool Found(nn.Module<Tensor, Tensor> student, TrainingRun run)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        if (student.parameters().Any(parameter => !HostRead.Bool(parameter.isfinite().all()))) return true;
        using var evaluation = new EvaluationModeScope(student);
        var (images, _) = run.Train.Batch([.. Enumerable.Range(0, Math.Min(16, run.Train.Count)).Select(i => (long)i)], run.DType);
        return !HostRead.Bool(run.Network.call(Transfer.To(images, run.Device)).isfinite().all());
    }
}

using Ardir.Core;
using TorchSharp.Modules;

namespace Ardir.Distillation;

/// <summary>Weights or losses that are no numbers any more.</summary>
internal static class DivergedRun
{
    public static InvalidOperationException Error(int epoch, double? loss = null, Exception? cause = null, string? batch = null, nn.Module? student = null) => new(
        $"{(loss is null ? "Weights or logits of the student became NaN or infinite" : $"The training loss became {loss}")} in epoch {epoch}. {(batch is null ? "" : $"The first batch at fault is in '{batch}'. ")}The checkpoint before is intact. {Advice(student)}", cause);

    /// <summary>Exploded weights may be finite still; their logits are not.</summary>
    public static bool Found(nn.Module<Tensor, Tensor> student, TrainingRun run)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        // Those of the loss, too. Parameters that are frozen show in the logits.
        if (run.Optimizer.parameters().Any(parameter => !HostRead.Bool(parameter.isfinite().all()))) return true;
        using var evaluation = new EvaluationModeScope(student);
        var (images, _) = run.Train.Batch([.. Enumerable.Range(0, Math.Min(16, run.Train.Count)).Select(i => (long)i)], run.DType);
        return !HostRead.Bool(run.Network.call(Transfer.To(images, run.Device)).isfinite().all());
    }

    /// <summary>The variance of a single value is 0/0, which libtorch takes into the running variance without a word: no learning rate cures that.</summary>
    private static string Advice(nn.Module? student)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        if (student is null || student.parameters().Any(parameter => !HostRead.Bool(parameter.isfinite().all()))) return "Lower the learning rate or set WarmupEpochs.";
        foreach (var (name, module) in student.named_modules())
        {
            if (module is BatchNorm { running_var: { } variance } && !HostRead.Bool(variance.isfinite().all()))
                return $"All weights are numbers, but the running variance of batch norm '{name}' is not: one value per channel has no variance. Choose BatchSize and AccumulationSteps so that no batch, the last included, and no part of one is a single image.";
        }
        return "Lower the learning rate or set WarmupEpochs.";
    }
}

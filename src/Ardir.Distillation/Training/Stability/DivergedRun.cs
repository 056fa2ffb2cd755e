using Ardir.Core;
using TorchSharp.Modules;

namespace Ardir.Distillation;

/// <summary>Detects and reports weights, logits or losses that became NaN or infinite.</summary>
internal static class DivergedRun
{
    public static InvalidOperationException Error(
        int epoch, double? loss = null, Exception? cause = null, string? batch = null, nn.Module? student = null)
    {
        var what = loss is null ? "Weights or logits of the student became NaN or infinite" : $"The training loss became {loss}";
        var where = batch is null ? "" : $"The first batch at fault is in '{batch}'. ";
        return new InvalidOperationException(
            $"{what} in epoch {epoch}. {where}The checkpoint before is intact. {Advice(student)}", cause);
    }

    /// <summary>Whether a trained parameter or a logit is NaN or infinite. Exploded weights may still be finite when their logits
    /// are not.</summary>
    public static bool Found(nn.Module<Tensor, Tensor> student, TrainingRun run)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        // The optimiser also has the parameters of the loss. Frozen parameters are missing there, but they show in the logits below.
        if (run.Optimizer.parameters().Any(parameter => !HostRead.Bool(parameter.isfinite().all()))) return true;
        using var evaluation = new EvaluationModeScope(student);
        var (images, _) = run.Train.Batch([.. Enumerable.Range(0, Math.Min(16, run.Train.Count)).Select(i => (long)i)], run.DType);
        return !HostRead.Bool(run.Network.call(Transfer.To(images, run.Device)).isfinite().all());
    }

    /// <summary>What to do. A lower learning rate does not help when batch norm saw a single value per channel: its variance is
    /// 0/0, which libtorch adds to the running variance without an error.</summary>
    private static string Advice(nn.Module? student)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        if (student is null || student.parameters().Any(parameter => !HostRead.Bool(parameter.isfinite().all())))
            return "Lower the learning rate or set WarmupEpochs.";
        foreach (var (name, module) in student.named_modules())
        {
            if (module is BatchNorm { running_var: { } variance } && !HostRead.Bool(variance.isfinite().all()))
                return $"All weights are numbers, but the running variance of batch norm '{name}' is not: " +
                    "one value per channel has no variance. Choose BatchSize and AccumulationSteps so that no batch, the last included, " +
                    "and no part of one is a single image.";
        }
        return "Lower the learning rate or set WarmupEpochs.";
    }
}

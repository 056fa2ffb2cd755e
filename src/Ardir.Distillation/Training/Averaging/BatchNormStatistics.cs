using Ardir.Core;
using TorchSharp.Modules;

namespace Ardir.Distillation;

/// <summary>Measures the running statistics of batch norm again: the mean over one pass through the data, each batch weighted by
/// its size.</summary>
internal static class BatchNormStatistics
{
    /// <summary>Whether a model has anything to measure. Batch norm that its owner froze (in eval mode) is not measured.</summary>
    public static bool Any(nn.Module model) => Layers(model).Count > 0;

    /// <summary>Measures while everything but batch norm is in eval mode, as it will be when the statistics are used. With several ranks
    /// each passes its part of every batch.</summary>
    public static void Measure(
        nn.Module<Tensor, Tensor> model, IEnumerable<ImageBatch> batches, Ranks ranks, CancellationToken cancellation)
    {
        var layers = Layers(model);
        var momenta = layers.Select(layer => layer.momentum).ToList();
        using var evaluation = new EvaluationModeScope(model);
        using var noGrad = no_grad();
        try
        {
            foreach (var layer in layers) layer.train();
            var seen = 0L;
            foreach (var batch in batches)
            {
                ranks.ThrowIfCancelled(cancellation);
                using var scope = NewDisposeScope();
                var count = batch.Images.shape[0];
                seen += count;
                foreach (var layer in layers) layer.momentum = count / (double)seen;
                var (from, own) = ranks.Own((int)count).GetOffsetAndLength((int)count);
                if (own > 0) model.call(batch.Checked.Narrow(from, own).Images);
            }
        }
        finally
        {
            foreach (var (layer, momentum) in layers.Zip(momenta))
            {
                layer.momentum = momentum;
                // Back to the eval mode of the surrounding scope, which then restores the original mode of every module.
                layer.eval();
            }
        }
    }

    private static List<BatchNorm> Layers(nn.Module model) =>
    [
        .. model.modules().Prepend(model).OfType<BatchNorm>()
            .Where(layer => layer.track_running_stats && layer.training)
            .Distinct(ReferenceEqualityComparer.Instance)
            .Cast<BatchNorm>(),
    ];
}

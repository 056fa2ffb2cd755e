using Ardir.Core;
using TorchSharp.Modules;

namespace Ardir.Distillation;

/// <summary>
/// Adds up the gradients of all ranks after the backward passes of a step, and with them, in the same exchange, the loss and what all
/// must know: whether a rank was cancelled, and which parameters have a gradient anywhere. TorchSharp has no hooks on gradients, so the
/// exchange cannot begin while a backward pass is still running.
/// </summary>
/// <param name="ranks">More than one.</param>
/// <param name="trained">The parameters, in the same order at every rank.</param>
/// <param name="batchNorms">Exchange during the backward passes, which may have failed there.</param>
/// <param name="cancellation">Ends the run at all ranks.</param>
internal sealed class GradientReduction(
    Ranks ranks, IReadOnlyList<Parameter> trained, IReadOnlyList<SynchronizedBatchNorm> batchNorms, CancellationToken cancellation)
{
    private const int Cancelled = 0;
    private const int Loss = 1;
    private const int Presence = 2;

    /// <summary>Replaces each gradient by the sum over the ranks.</summary>
    /// <param name="losses">The losses of this rank's parts, scalars, and the share of the batch's images that each part has. None where
    /// this rank has no images.</param>
    /// <returns>The loss of the whole batch, a scalar.</returns>
    /// <exception cref="OperationCanceledException">A rank was cancelled.</exception>
    public Tensor Run(IEnumerable<(Tensor Loss, double Share)> losses)
    {
        foreach (var layers in batchNorms) layers.ThrowIfFailed();
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var gradients = trained.Select(parameter => parameter.grad).ToList();
        // A parameter without a gradient here may have one elsewhere, and every rank sends values of the same shapes.
        var sent = gradients.Zip(trained, (gradient, parameter) => gradient ?? zeros_like(parameter)).ToList();
        double[] facts = [cancellation.IsCancellationRequested ? 1 : 0, 0, .. gradients.Select(gradient => gradient is null ? 0.0 : 1)];
        var head = tensor(facts, sent[0].dtype == ScalarType.Float64 ? ScalarType.Float64 : ScalarType.Float32, sent[0].device);
        foreach (var (loss, share) in losses) head[Loss].add_(loss.detach().reshape([]).to(head.device), alpha: share);
        TensorBuckets.Exchange([head, .. sent], values => ranks.Collective.AllReduce(values));
        // The exchange has waited for the device anyway.
        var all = HostRead.Array<double>(head.to(ScalarType.Float64));
        if (all[Cancelled] != 0) throw Ranks.Cancelled(cancellation);
        for (var i = 0; i < trained.Count; i++)
            if (gradients[i] is null && all[Presence + i] != 0) trained[i].grad = sent[i];
        return head[Loss].clone().MoveToOuterDisposeScope();
    }
}

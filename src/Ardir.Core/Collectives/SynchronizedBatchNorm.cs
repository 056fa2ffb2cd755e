using TorchSharp.Modules;

namespace Ardir.Core;

/// <summary>
/// Batch norm over the batches of all ranks together: while it exists, every batch norm of a model that is in train mode normalises by mean
/// and variance over all ranks, and updates its running statistics with them, as if the ranks' batches were one. Values and gradients are
/// those of the one batch, if the losses of the ranks add up to its loss. Names, parameters and buffers of the model stay as they are.
/// <c>DistillationTrainer</c> uses it by itself.
/// </summary>
/// <remarks>Each pass of a batch norm in train mode makes one collective call, and each backward pass through it another, so every rank
/// must make the same passes in the same order, with at least one sample. In eval mode nothing changes and nothing is exchanged. The layers
/// must be invoked by <c>call</c>, as TorchSharp's containers and the library's networks do; hooks do not see <c>forward</c>. Hooks of your
/// own on a batch norm itself are not supported: they see a single sample, and what they return may be lost. There are no second
/// derivatives (<c>create_graph</c>).</remarks>
/// <example><code>
/// using var synchronized = SynchronizedBatchNorm.Attach(student, collective);
/// using Tensor loss = Loss(student.call(ownPart)) * ownShare;
/// loss.backward();
/// synchronized.ThrowIfFailed();
/// </code></example>
public sealed class SynchronizedBatchNorm : IDisposable
{
    internal const string NoSecondDerivatives =
        "Synchronised batch norm has no second derivatives, but a backward pass with create_graph asks for them (a gradient penalty?). " +
        "Use DistributedBatchNorm.Local, or batch norms in eval mode.";

    private readonly List<SynchronizedLayer> _layers = [];
    private Tensor?[] _returned = [];

    private SynchronizedBatchNorm(nn.Module model, ICollective collective)
    {
        Collective = collective;
        if (collective.Size == 1) return;
        var seen = new HashSet<nn.Module>(ReferenceEqualityComparer.Instance);
        foreach (var (name, module) in model.named_modules().Prepend(("", model)))
            if (module is BatchNorm norm && seen.Add(norm)) _layers.Add(new SynchronizedLayer(name, norm, this));
    }

    internal ICollective Collective { get; }

    /// <summary>The first failure of an exchange within a backward pass, from where no exception may be thrown.</summary>
    internal Exception? Failure { get; private set; }

    /// <summary>Attaches to every batch norm of a model; to none where the collective has a single rank.</summary>
    /// <param name="model">Any model. It stays the caller's.</param>
    /// <param name="collective">The ranks. Each must attach to the same model.</param>
    /// <returns>Detaches when it is disposed.</returns>
    public static SynchronizedBatchNorm Attach(nn.Module model, ICollective collective)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(collective);
        return new SynchronizedBatchNorm(model, collective);
    }

    /// <summary>Throws what an exchange within a backward pass failed with, because it cannot pass through libtorch. Call it after each
    /// backward pass, whose gradients are wrong then. The next pass in train mode throws it as well.</summary>
    /// <exception cref="InvalidOperationException">An exchange failed, or second derivatives were asked for; the cause is the inner
    /// exception. Or a layer in train mode has a gradient but was never invoked by <c>call</c>.</exception>
    public void ThrowIfFailed()
    {
        if (Failure is { } cause)
            throw new InvalidOperationException(
                "The ranks could not exchange the gradients of a batch norm, so the gradients of the backward pass are wrong. " +
                cause.Message, cause);
        if (_layers.Find(layer => layer.IsBypassed) is { } bypassed)
            throw new InvalidOperationException(
                $"The batch norm '{bypassed.Name}' has a gradient although hooks never saw it called, so each rank normalised by its own " +
                "batch alone. Invoke it by call(x), not by forward(x), or use DistributedBatchNorm.Local.");
    }

    /// <summary>Detaches from all layers.</summary>
    public void Dispose()
    {
        foreach (var layer in _layers) layer.Remove();
        _layers.Clear();
        Release();
    }

    internal void Failed(Exception cause) => Failure ??= cause;

    /// <summary>Holds the gradients that a backward pass returned until the next one does, because libtorch reads them after the
    /// return.</summary>
    internal void Hold(params Tensor?[] returned)
    {
        Release();
        _returned = returned;
    }

    private void Release()
    {
        foreach (var tensor in _returned) tensor?.Dispose();
        _returned = [];
    }
}

namespace Ardir.Distillation;

/// <summary>What batch norm in train mode computes its mean and variance from when a run has several ranks
/// (<see cref="TrainerOptions.Collective"/>).</summary>
public enum DistributedBatchNorm
{
    /// <summary>From the batch of all ranks together, so that any number of ranks computes the same. Every pass of a batch norm in train
    /// mode exchanges two values per channel, and each batch, the last of an epoch included, needs at least one image for every rank.
    /// Layers must be invoked by <c>call</c>, and a loss must not ask for second derivatives (a gradient penalty): both are refused. The
    /// default.</summary>
    Synchronized,

    /// <summary>From the rank's own part of the batch. Nothing is exchanged within a pass, and the result depends on the number of ranks.
    /// The running statistics become the mean over the ranks at the end of each epoch and whenever a checkpoint is written.</summary>
    Local,
}

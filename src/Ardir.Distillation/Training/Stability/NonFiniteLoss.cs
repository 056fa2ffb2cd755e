namespace Ardir.Distillation;

/// <summary>What happens when the loss of a batch is NaN or infinite.</summary>
public enum NonFiniteLoss
{
    /// <summary>The run stops, a few steps later at the latest, and the batch is saved as <c>bad-batch.safetensors</c> in the
    /// checkpoint directory. The default.</summary>
    Stop,

    /// <summary>The step is left out: weights, optimiser and batch norm stay as they were. Ten in a row stop the run, also across
    /// epochs and resumes. With this setting every step on a GPU waits for the device.</summary>
    Skip,
}

namespace Ardir.Core;

/// <summary>How a file of weights is read.</summary>
public sealed record StateDictOptions
{
    /// <summary>Refuses a torch file that refers to anything but tensors and plain data, and names it. Otherwise such objects (arguments of a training script, say)
    /// are left out, as long as the weights do not depend on them. Nothing is executed either way.</summary>
    /// <value>false by default: most published checkpoints carry something else.</value>
    public bool Strict { get; init; }
}

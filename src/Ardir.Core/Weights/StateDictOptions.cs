namespace Ardir.Core;

/// <summary>How a file of weights is read.</summary>
public sealed record StateDictOptions
{
    /// <summary>
    /// Whether a torch file that refers to anything but tensors and plain data is refused, with a message that names the object. If false,
    /// such objects (arguments of a training script, say) are left out, as long as the weights do not depend on them. Nothing is executed
    /// in either case.
    /// </summary>
    /// <value>false by default: most published checkpoints hold more than weights.</value>
    public bool Strict { get; init; }
}

namespace Ardir.Core;

/// <summary>
/// The forms of <see cref="PreActResNet"/> in published code, named after that code. They differ in two places: whether a batch norm and a
/// ReLU come before the pooling, and whether a projection shortcut reads the block's input or its activation. <see cref="Rice"/> and
/// <see cref="FastAdversarial"/> have the same state entries, and so do <see cref="Kuangliu"/> and <see cref="Wong"/>: weights of one
/// load into the other without an error and then classify badly.
/// </summary>
public enum PreActResNetVariant
{
    /// <summary>Final batch norm and ReLU; shortcuts read the activation (Rice et al., AWP, AKD2, most of RobustBench).</summary>
    Rice,

    /// <summary>No final batch norm; shortcuts read the activation (kuangliu's pytorch-cifar, IAD).</summary>
    Kuangliu,

    /// <summary>Final batch norm and ReLU; shortcuts read the raw input (fast_adversarial, current code).</summary>
    FastAdversarial,

    /// <summary>No final batch norm; shortcuts read the raw input (RobustBench's Wong2020 and Andriushchenko2020: the first
    /// fast_adversarial checkpoints).</summary>
    Wong,
}

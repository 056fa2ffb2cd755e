namespace Ardir.Core;

/// <summary>The norm that measures a perturbation, per sample over all of C*H*W.</summary>
public enum PerturbationNorm
{
    /// <summary>Largest absolute change of any pixel value.</summary>
    Linf,

    /// <summary>Euclidean norm of the change.</summary>
    L2,

    /// <summary>Sum of the absolute changes.</summary>
    L1,
}

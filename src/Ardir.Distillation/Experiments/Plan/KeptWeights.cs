namespace Ardir.Distillation;

/// <summary>Which weights of a training run.</summary>
public enum KeptWeights
{
    /// <summary>Those of the epoch that did best under the selection attack (early stopping).</summary>
    Best,

    /// <summary>Those of the last epoch.</summary>
    Last,

    /// <summary>The average over epochs (SWA).</summary>
    Average,
}

namespace Ardir.Distillation;

/// <summary>How a KL divergence is averaged.</summary>
public enum KlReduction
{
    /// <summary>Sum over classes, mean over samples: the mathematical divergence.</summary>
    BatchMean,

    /// <summary>Mean over samples and classes, K times smaller for K classes: what the released code of ARD and RSLAD computes.</summary>
    ElementMean,

    /// <summary>Sum over classes and samples.</summary>
    Sum,
}

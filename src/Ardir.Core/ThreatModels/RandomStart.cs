namespace Ardir.Core;

/// <summary>
/// Where an attack starts inside the threat set. The source implementations disagree; each convention has a name here.
/// </summary>
public enum RandomStart
{
    /// <summary>The clean image itself.</summary>
    None,

    /// <summary>Uniform in the ball (Linf: U(-eps,eps) per value; L2: Gaussian direction times eps*U^(1/d); L1: uniform in the
    /// L1 ball), then clamped to [0,1]. The default.</summary>
    Uniform,

    /// <summary>As <see cref="Uniform"/>, without the clamp: the first forward pass sees values outside [0,1]
    /// (the training code of ARD and IAD, the evaluation PGD of TRADES).</summary>
    UniformUnclamped,

    /// <summary>A random direction of random norm U(0,1)*eps, clamped. L2: the convention of Rice et al. and torchattacks (not uniform in
    /// the ball); L1: advertorch's Laplace direction, drawn per sample; Linf: a uniform direction on the cube's surface.</summary>
    RandomRadius,

    /// <summary>0.001 * N(0,1) per value, clamped to [0,1] (TPGD). Use it with objectives whose gradient is zero at the clean image,
    /// such as KL.</summary>
    Gaussian,

    /// <summary>0.001 * N(0,1) per value, not clamped (the training code of TRADES, MART and RSLAD).</summary>
    GaussianUnclamped,
}

namespace Ardir.Distillation;

/// <summary>How feature maps are normalised before they are compared (ARDIR Eq. 8 to 10).</summary>
public enum FeatureNormalization
{
    /// <summary>A unit vector across channels at each position (Zhang et al. 2018, Laidlaw et al. 2021), with epsilon^2 = 1e-10
    /// inside the root, so that a position whose channels are all zero is zero and its gradient stays finite.</summary>
    UnitChannel,

    /// <summary>ARDIR's Eq. 10 taken literally: each channel divided by its signed spatial sum, whose magnitude is at least 1e-6 per
    /// position. On maps with values of both signs the sum can be near zero and the result huge, so tap maps after a ReLU.</summary>
    SpatialSum,

    /// <summary>Each channel divided by its spatial L1 norm.</summary>
    SpatialL1,

    /// <summary>Each channel divided by its spatial L2 norm.</summary>
    SpatialL2,
}

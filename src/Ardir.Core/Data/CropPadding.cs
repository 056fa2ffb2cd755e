namespace Ardir.Core;

/// <summary>What the padding around an image holds before a random crop.</summary>
public enum CropPadding
{
    /// <summary>The image mirrored at its border, the border itself not repeated (Rice et al., AWP).</summary>
    Reflect,

    /// <summary>Zeros (ARD, IAD, TRADES, RSLAD, AKD2).</summary>
    Zero,
}

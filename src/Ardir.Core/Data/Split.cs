namespace Ardir.Core;

/// <summary>Which part of a published data set.</summary>
public enum Split
{
    /// <summary>The images to train on.</summary>
    Train,

    /// <summary>The images to evaluate on.</summary>
    Test,

    /// <summary>Additional images to train on; only SVHN has them.</summary>
    Extra,
}

namespace Ardir.Core;

/// <summary>Which part of a published data set.</summary>
public enum Split
{
    /// <summary>The images to train on.</summary>
    Train,

    /// <summary>The images to report on.</summary>
    Test,

    /// <summary>Further images to train on; SVHN has them.</summary>
    Extra,
}

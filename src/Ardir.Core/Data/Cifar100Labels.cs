namespace Ardir.Core;

/// <summary>Which of the two labels of a CIFAR-100 image to use.</summary>
public enum Cifar100Labels
{
    /// <summary>100 classes.</summary>
    Fine,

    /// <summary>20 superclasses of five classes each.</summary>
    Coarse,
}

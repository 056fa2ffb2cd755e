namespace Ardir.Core;

/// <summary>How <see cref="ICollective.AllReduce"/> combines the values of the ranks.</summary>
public enum Reduction
{
    /// <summary>Their sum.</summary>
    Sum,

    /// <summary>The largest of them.</summary>
    Max,
}

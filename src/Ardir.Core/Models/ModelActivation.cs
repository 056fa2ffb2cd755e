namespace Ardir.Core;

/// <summary>The nonlinearity of a network that exists with more than one.</summary>
public enum ModelActivation
{
    /// <summary>max(x, 0).</summary>
    Relu,

    /// <summary>x * sigmoid(x), also called SiLU.</summary>
    Swish,
}

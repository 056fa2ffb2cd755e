namespace Ardir.Core;

/// <summary>A convolution with fixed weights: a linear function of maps, without a graph.</summary>
internal interface IConvolutionPass
{
    /// <summary>Computes it.</summary>
    /// <param name="source">[N,C,H,W], float32 on the CPU, in any order.</param>
    /// <param name="kernel">The weights of the convolution, float32 on the CPU.</param>
    /// <param name="bias">A number for each channel of the result, or null.</param>
    /// <returns>Maps in channels-last order, owned by the current dispose scope.</returns>
    Tensor Compute(Tensor source, Tensor kernel, Tensor? bias);

    /// <summary>What turns the gradient of the result into that of the source.</summary>
    /// <param name="sourceShape">The shape of the source.</param>
    IConvolutionPass Gradient(long[] sourceShape);
}

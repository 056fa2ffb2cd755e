namespace Ardir.Core;

/// <summary>
/// The processes ("ranks") that work on one task, and what they exchange. Every rank must make the same calls in the same order with
/// the same dtypes; a call returns when this rank has its result. One thread at a time may use it.
/// </summary>
/// <remarks>
/// Implementations: <see cref="SoloCollective"/> for a single process, and <c>MpiCollective</c> in the package Ardir.Distributed. Your
/// own must keep what is said here. Tensors may be float32, float64, int64 or uint8 (bytes), of any shape and on any device.
/// </remarks>
public interface ICollective
{
    /// <summary>The number of this process, from 0 to <see cref="Size"/> - 1. Rank 0 writes files and reports progress.</summary>
    int Rank { get; }

    /// <summary>How many processes take part; at least 1.</summary>
    int Size { get; }

    /// <summary>Replaces the values by those of all ranks together, in place. Every rank receives the same bits.</summary>
    /// <param name="values">Same shape and dtype at every rank. Must not require a gradient.</param>
    /// <param name="reduction">How they are combined, element by element.</param>
    /// <exception cref="ArgumentException">Another dtype, or a tensor that requires a gradient.</exception>
    void AllReduce(Tensor values, Reduction reduction = Reduction.Sum);

    /// <summary>Replaces the values by those of one rank, in place.</summary>
    /// <param name="values">Same shape and dtype at every rank. Must not require a gradient.</param>
    /// <param name="root">The rank whose values all receive.</param>
    /// <exception cref="ArgumentException">Another dtype, a tensor that requires a gradient, or no such rank.</exception>
    void Broadcast(Tensor values, int root = 0);

    /// <summary>The tensors of all ranks, one after the other in the order of ranks, at every rank.</summary>
    /// <param name="values">[n,...] with any n from 0 on; equal dtype and other dimensions at every rank.</param>
    /// <returns>[sum of all n,...] on the device of the given tensor, owned by the caller.</returns>
    /// <exception cref="ArgumentException">Another dtype, or a tensor without dimensions.</exception>
    Tensor AllGather(Tensor values);

    /// <summary>Returns when every rank has called it.</summary>
    void Barrier();
}

namespace Ardir.Core;

/// <summary>By which algorithm convolutions compute while an attack or evaluation runs. It changes how long a pass takes and the last
/// digits of its results, for the thread that asked for it only.</summary>
public enum ConvolutionAlgorithm
{
    /// <summary>That of libtorch. The same seed gives the same bits as in earlier runs.</summary>
    Direct,

    /// <summary>Winograd's algorithm on the CPU, with a quarter of the multiplications (<see cref="WinogradScope"/>), and for small maps
    /// a direct one that leaves out the padding. Errors of float32 grow from about 1e-6 to about 1e-5 of the largest value of a
    /// map.</summary>
    Winograd,
}

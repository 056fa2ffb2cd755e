namespace Ardir.Attacks;

/// <summary>The windows of one query.</summary>
/// <param name="First">Positions of the values of each sample's window in its flattened image, int64 [n,C*s*s].</param>
/// <param name="Second">The same for a second window (L2 and L1).</param>
/// <param name="Transposed">Whether the bump is transposed, int64 0 or 1 [n].</param>
/// <param name="Up">Direction for each channel, int64 0 or 1 [n,C,1].</param>
internal readonly record struct SquareWindow(Tensor First, Tensor Second, Tensor Transposed, Tensor Up);

namespace Ardir.Core;

/// <summary>Maps and weights of four dimensions in channels-last order. TorchSharp has no memory formats, but libtorch reads them off the
/// strides.</summary>
internal static class ChannelsLastLayout
{
    /// <summary>Whether a tensor of four dimensions is in this order. Strides of dimensions of size 1 count, too, because libtorch decides
    /// by them for an image of one channel.</summary>
    public static bool Has(Tensor tensor) => tensor.stride().AsSpan().SequenceEqual(StridesOf(tensor.shape));

    /// <summary>A copy in this order, without gradient, owned by the caller.</summary>
    public static Tensor Copy(Tensor tensor) => Copy(tensor, StridesOf(tensor.shape));

    /// <summary>A copy with other strides, without gradient, owned by the caller.</summary>
    public static Tensor Copy(Tensor tensor, long[] strides)
    {
        using var noGrad = no_grad();
        return empty_strided(tensor.shape, strides, dtype: tensor.dtype, device: tensor.device).copy_(tensor);
    }

    /// <summary>Memory of a shape in this order, with the dtype and device of another tensor.</summary>
    public static Tensor Empty(long[] shape, Tensor like) => empty_strided(shape, StridesOf(shape), dtype: like.dtype, device: like.device);

    private static long[] StridesOf(long[] shape) => [shape[1] * shape[2] * shape[3], 1, shape[3] * shape[1], shape[1]];
}

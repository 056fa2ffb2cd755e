namespace Ardir.Core;

/// <summary>Where the values of a tensor lie.</summary>
internal static unsafe class FloatMemory
{
    /// <summary>The address of the first value. Valid while the tensor lives: the caller keeps it alive.</summary>
    /// <param name="tensor">float32 on the CPU, not empty; its values lie together, in any order.</param>
    public static float* Of(Tensor tensor)
    {
        using var scope = NewDisposeScope();
        // TorchSharp shows at most 2 GiB as bytes; the first value is enough.
        var first = tensor.detach().as_strided([1], [1], tensor.storage_offset()).bytes;
        fixed (byte* address = first) return (float*)address;
    }
}

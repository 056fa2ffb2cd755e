namespace Ardir.Core;

/// <summary>Memory that one call of a layer leaves to the next one on its thread, until a scope of the thread ends.</summary>
internal static class ConvolutionWorkspace
{
    [ThreadStatic]
    private static FloatBlock? _planes;

    [ThreadStatic]
    private static FloatBlock? _kernel;

    /// <summary>For transformed tiles and their products, or for blocks of weights.</summary>
    /// <param name="count">How many numbers at least.</param>
    public static FloatBlock Planes(long count) => AtLeast(ref _planes, count);

    /// <summary>For the transformed weights of a gradient.</summary>
    /// <param name="count">How many numbers at least.</param>
    public static FloatBlock Kernel(long count) => AtLeast(ref _kernel, count);

    /// <summary>Frees the memory of this thread.</summary>
    public static void Release()
    {
        _planes?.Dispose();
        _kernel?.Dispose();
        (_planes, _kernel) = (null, null);
    }

    private static FloatBlock AtLeast(ref FloatBlock? block, long count)
    {
        if (block is not null && block.Count >= count) return block;
        block?.Dispose();
        block = null;
        return block = new FloatBlock(count);
    }
}

namespace Ardir.Core;

/// <summary>
/// The only place that reads a tensor's values on the host. On a GPU each read waits until all queued work is done, so the steps of
/// training and of attacks avoid it; the counter lets tests verify that.
/// </summary>
internal static class HostRead
{
    [ThreadStatic]
    private static long _count;

    /// <summary>Number of reads on this thread so far.</summary>
    public static long Count => _count;

    public static bool Bool(Tensor scalar)
    {
        _count++;
        return scalar.ToBoolean();
    }

    public static long Int64(Tensor scalar)
    {
        _count++;
        return scalar.ToInt64();
    }

    public static double Double(Tensor scalar)
    {
        _count++;
        return scalar.ToDouble();
    }

    /// <summary>All values in row-major order.</summary>
    public static T[] Array<T>(Tensor tensor)
        where T : unmanaged
    {
        using var scope = NewDisposeScope();
        return OnHost(tensor).data<T>().ToArray();
    }

    /// <summary>The values in contiguous host memory, for code that writes files. May share the tensor's own memory.</summary>
    public static Tensor OnHost(Tensor tensor)
    {
        using var scope = NewDisposeScope();
        _count++;
        return tensor.detach().cpu().contiguous().MoveToOuterDisposeScope();
    }

    /// <summary>The positions of the true values of a mask [n], int64 [m]. It counts as a read, because the host waits for m.</summary>
    public static Tensor Rows(Tensor mask)
    {
        using var scope = NewDisposeScope();
        _count++;
        return mask.nonzero().flatten().MoveToOuterDisposeScope();
    }
}

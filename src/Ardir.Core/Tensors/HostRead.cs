namespace Ardir.Core;

/// <summary>
/// Reads the values of tensors on the host: the only place of the library that does. On a GPU each read waits until all queued work is
/// done, so the steps of training and of attacks avoid it; the counter lets tests verify that.
/// </summary>
/// <example><code>
/// long before = HostRead.Count;
/// using Tensor adversarial = attack.Perturb(model, images, labels, context);
/// Console.WriteLine($"{HostRead.Count - before} reads");
/// </code></example>
public static class HostRead
{
    [ThreadStatic]
    private static long _count;

    /// <summary>Number of reads on this thread so far.</summary>
    public static long Count => _count;

    /// <summary>The value of a bool tensor with one element.</summary>
    /// <param name="scalar">bool, one element, on any device.</param>
    /// <returns>Its value.</returns>
    public static bool Bool(Tensor scalar)
    {
        ArgumentNullException.ThrowIfNull(scalar);
        _count++;
        return scalar.ToBoolean();
    }

    /// <summary>The value of an integer tensor with one element.</summary>
    /// <param name="scalar">Integer dtype, one element, on any device.</param>
    /// <returns>Its value.</returns>
    public static long Int64(Tensor scalar)
    {
        ArgumentNullException.ThrowIfNull(scalar);
        _count++;
        return scalar.ToInt64();
    }

    /// <summary>The value of a floating-point tensor with one element.</summary>
    /// <param name="scalar">Floating point, one element, on any device.</param>
    /// <returns>Its value in double precision.</returns>
    public static double Double(Tensor scalar)
    {
        ArgumentNullException.ThrowIfNull(scalar);
        _count++;
        return scalar.ToDouble();
    }

    /// <summary>All values in row-major order.</summary>
    /// <typeparam name="T">The .NET type of the tensor's dtype, for example <c>float</c> for float32.</typeparam>
    /// <param name="tensor">Any shape, on any device.</param>
    /// <returns>One element per value.</returns>
    public static T[] Array<T>(Tensor tensor)
        where T : unmanaged
    {
        using var scope = NewDisposeScope();
        return OnHost(tensor).data<T>().ToArray();
    }

    /// <summary>The values in contiguous host memory, for code that writes files.</summary>
    /// <param name="tensor">Any shape, on any device.</param>
    /// <returns>A contiguous tensor on the CPU without a gradient, owned by the caller. It may share the memory of the given one.</returns>
    public static Tensor OnHost(Tensor tensor)
    {
        ArgumentNullException.ThrowIfNull(tensor);
        using var scope = NewDisposeScope();
        _count++;
        return tensor.detach().cpu().contiguous().MoveToOuterDisposeScope();
    }

    /// <summary>Copies the values into memory of the host that is used again and again, such as pinned memory.</summary>
    /// <param name="host">A tensor on the CPU of the same shape and dtype, whose values are replaced.</param>
    /// <param name="tensor">Any shape, on any device.</param>
    /// <returns>The first argument.</returns>
    public static Tensor Into(Tensor host, Tensor tensor)
    {
        ArgumentNullException.ThrowIfNull(host);
        ArgumentNullException.ThrowIfNull(tensor);
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        _count++;
        host.copy_(tensor.detach());
        return host;
    }

    /// <summary>The positions of the true values of a mask. It counts as a read, because the host waits for their number.</summary>
    /// <param name="mask">bool [n].</param>
    /// <returns>int64 [m] on the device of the mask, ascending, owned by the caller.</returns>
    public static Tensor Rows(Tensor mask)
    {
        ArgumentNullException.ThrowIfNull(mask);
        using var scope = NewDisposeScope();
        _count++;
        return mask.nonzero().flatten().MoveToOuterDisposeScope();
    }
}

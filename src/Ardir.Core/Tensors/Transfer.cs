namespace Ardir.Core;

/// <summary>Copies from the host to a device. Copies to a GPU go through pinned memory and do not block: with pageable memory the host
/// would wait until all queued work is done.</summary>
public static class Transfer
{
    /// <summary>Copies a tensor to a device.</summary>
    /// <param name="tensor">Any shape and dtype, on any device.</param>
    /// <param name="device">The device of the copy.</param>
    /// <returns>A copy on the device, owned by the caller; the tensor itself if it is already there.</returns>
    public static Tensor To(Tensor tensor, Device device)
    {
        ArgumentNullException.ThrowIfNull(tensor);
        ArgumentNullException.ThrowIfNull(device);
        if (tensor.device_type == device.type && (tensor.device_index == device.index || device.type == DeviceType.CPU))
            return tensor;
        if (tensor.device_type != DeviceType.CPU || device.type != DeviceType.CUDA) return tensor.to(device);
        // Disposing the tensor right away is safe, because the pinned-memory allocator reuses the block only after the copy has finished.
        using var pinned = tensor.pin_memory();
        return pinned.to(device, non_blocking: true);
    }

    /// <summary>A vector of integers on a device.</summary>
    /// <param name="values">The values.</param>
    /// <param name="device">The device of the tensor.</param>
    /// <returns>int64 [n], owned by the caller.</returns>
    public static Tensor Of(long[] values, Device device)
    {
        using var scope = NewDisposeScope();
        return To(tensor(values, device: CPU), device).MoveToOuterDisposeScope();
    }

    /// <summary>A tensor of floating-point values on a device.</summary>
    /// <param name="values">The values in row-major order.</param>
    /// <param name="shape">The shape; its product is the number of values.</param>
    /// <param name="dtype">The floating-point dtype of the tensor.</param>
    /// <param name="device">The device of the tensor.</param>
    /// <returns>The tensor, owned by the caller.</returns>
    public static Tensor Of(float[] values, long[] shape, ScalarType dtype, Device device)
    {
        using var scope = NewDisposeScope();
        return To(tensor(values, shape, dtype, CPU), device).MoveToOuterDisposeScope();
    }
}

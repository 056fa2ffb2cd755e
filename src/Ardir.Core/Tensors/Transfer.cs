namespace Ardir.Core;

/// <summary>Copies from the host to a device. Copies to a GPU go through pinned memory and do not block: with pageable memory the host
/// would wait until all queued work is done.</summary>
internal static class Transfer
{
    /// <summary>A copy on the device; the tensor itself if it is already there.</summary>
    public static Tensor To(Tensor tensor, Device device)
    {
        if (tensor.device_type == device.type && (tensor.device_index == device.index || device.type == DeviceType.CPU))
            return tensor;
        if (tensor.device_type != DeviceType.CPU || device.type != DeviceType.CUDA) return tensor.to(device);
        // Disposing the tensor right away is safe, because the pinned-memory allocator reuses the block only after the copy has finished.
        using var pinned = tensor.pin_memory();
        return pinned.to(device, non_blocking: true);
    }

    public static Tensor Of(long[] values, Device device)
    {
        using var scope = NewDisposeScope();
        return To(tensor(values, device: CPU), device).MoveToOuterDisposeScope();
    }

    public static Tensor Of(float[] values, long[] shape, ScalarType dtype, Device device)
    {
        using var scope = NewDisposeScope();
        return To(tensor(values, shape, dtype, CPU), device).MoveToOuterDisposeScope();
    }
}

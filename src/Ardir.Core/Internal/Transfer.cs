namespace Ardir.Core;

/// <summary>From the host to a device. To a GPU the values go through pinned memory and nobody waits for them: pageable memory would hold up the host until
/// all queued work is done.</summary>
internal static class Transfer
{
    /// <summary>The tensor itself where it is there already.</summary>
    public static Tensor To(Tensor tensor, Device device)
    {
        if (tensor.device_type == device.type && (tensor.device_index == device.index || device.type == DeviceType.CPU)) return tensor;
        if (tensor.device_type != DeviceType.CPU || device.type != DeviceType.CUDA) return tensor.to(device);
        // Freed at once for us, for others only when the copy is done: the allocator of pinned memory sees to that.
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

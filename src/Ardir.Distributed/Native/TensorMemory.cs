using System.Runtime.InteropServices;

namespace Ardir.Distributed;

/// <summary>Where the values of a tensor lie.</summary>
internal static partial class TensorMemory
{
    /// <summary>The address of the first value. Valid while the tensor lives: the caller keeps it alive.</summary>
    /// <param name="tensor">Contiguous, not empty, on the CPU or a GPU.</param>
    public static unsafe nint AddressOf(Tensor tensor)
    {
        using var scope = NewDisposeScope();
        if (tensor.device_type != DeviceType.CPU)
        {
            var address = DataOf(tensor.Handle);
            GC.KeepAlive(tensor);
            return address;
        }
        // TorchSharp shows at most 2 GiB as bytes; the first value is enough.
        fixed (byte* first = tensor.detach().view(-1).narrow(0, 0, 1).bytes) return (nint)first;
    }

    // TorchSharp shows the memory of tensors on the CPU only. This is the function by which it finds it.
    [LibraryImport("LibTorchSharp", EntryPoint = "THSTensor_data")]
    private static partial nint DataOf(nint tensor);
}

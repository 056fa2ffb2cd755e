namespace Ardir.Core;

/// <summary>
/// Copies plain little-endian values between streams and tensors, in pieces, so that a tensor may be larger than an array can be.
/// </summary>
internal static class RawTensor
{
    private const int Chunk = 1 << 24;

    /// <summary>Reads a vector of <paramref name="count"/> values to the CPU. It is owned by the caller.</summary>
    /// <exception cref="WeightFormatException">The stream ends before the last value.</exception>
    public static Tensor Read(Stream stream, ScalarType type, long count, string what)
    {
        var result = empty(count, type, device: CPU).DetachFromDisposeScope();
        try
        {
            var size = type.ElementSize();
            for (long done = 0; done < count;)
            {
                var part = Math.Min(count - done, Chunk / size);
                using var piece = result.narrow(0, done, part);
                var bytes = piece.bytes;
                if (stream.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false) < bytes.Length)
                    throw new WeightFormatException($"{what} ends before its {count} values: the file is truncated.");
                done += part;
            }
            return result;
        }
        catch
        {
            result.Dispose();
            throw;
        }
    }

    /// <summary>Writes the values of a contiguous tensor on the CPU.</summary>
    public static void Write(Stream stream, Tensor value)
    {
        using var flat = value.reshape(-1);
        var step = Chunk / value.dtype.ElementSize();
        for (long done = 0; done < flat.numel(); done += step)
        {
            using var piece = flat.narrow(0, done, Math.Min(step, flat.numel() - done));
            stream.Write(piece.bytes);
        }
    }
}

namespace Ardir.Core;

/// <summary>Reads plain little-endian values from a stream into a tensor, in pieces, so that the values may exceed what an array can hold.</summary>
internal static class RawTensor
{
    private const int Chunk = 1 << 24;

    /// <summary>A vector on the CPU, owned by the caller.</summary>
    /// <exception cref="WeightFormatException">The stream ends before.</exception>
    public static Tensor Read(Stream stream, ScalarType type, long count, string what)
    {
        var result = empty(count, type).DetachFromDisposeScope();
        try
        {
            var size = type.ElementSize();
            for (long done = 0; done < count;)
            {
                var part = Math.Min(count - done, Chunk / size);
                using var piece = result.narrow(0, done, part);
                var bytes = piece.bytes;
                if (stream.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false) < bytes.Length) throw new WeightFormatException($"{what} ends before its {count} values: the file is truncated.");
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
}

using System.Buffers.Binary;
using System.IO.Compression;

namespace Ardir.Core;

/// <summary>
/// The idx format of MNIST: two zero bytes, a type code, the number of dimensions, big-endian sizes, then row-major data. Reads unsigned
/// bytes only, gzipped or not.
/// </summary>
internal static class IdxFile
{
    private const int UnsignedByte = 0x08;
    private const long MaxBytes = 1L << 30;

    public static (byte[] Data, int[] Shape, DataFile File) Read(string path, int dimensions)
    {
        using var file = new HashedFile(path);
        Span<byte> magic = stackalloc byte[2];
        var zipped = file.Peek(magic) == 2 && magic[0] == 0x1F && magic[1] == 0x8B;
        using Stream stream = zipped ? new GZipStream(file, CompressionMode.Decompress) : file;
        try
        {
            var (data, shape) = Parse(stream, path, dimensions, Math.Min(MaxBytes, UnpackLimit.Of(file.Length)));
            return (data, shape, file.Describe());
        }
        catch (Exception e) when (e is EndOfStreamException or InvalidDataException)
        {
            throw new DataFormatException($"{path}: the file is truncated or damaged ({e.Message}). Download it again.", e);
        }
    }

    private static (byte[] Data, int[] Shape) Parse(Stream stream, string path, int dimensions, long most)
    {
        Span<byte> header = stackalloc byte[4 + 4 * dimensions];
        stream.ReadExactly(header[..4]);
        if (header[0] != 0 || header[1] != 0 || header[2] != UnsignedByte || header[3] != dimensions)
            throw new DataFormatException(
                $"{path} begins with {Convert.ToHexString(header[..4])}; expected 0000{UnsignedByte:X2}{dimensions:X2}, "
                + $"an idx file of unsigned bytes with {dimensions} dimension(s).");
        stream.ReadExactly(header[4..]);
        var shape = new int[dimensions];
        var total = 1L;
        for (var i = 0; i < dimensions; i++)
        {
            var size = BinaryPrimitives.ReadUInt32BigEndian(header[(4 + 4 * i)..]);
            if (size > most || total * size > most)
                throw new DataFormatException($"{path} declares more than {most} bytes of data; refused.");
            shape[i] = (int)size;
            total *= size;
        }
        // The buffer grows with the bytes that are really there, so a header that declares too much does not cost memory.
        var data = ReadAll(stream, (int)total, path);
        if (stream.ReadByte() != -1)
            throw new DataFormatException($"{path} is longer than the {total} bytes of data that its header declares.");
        return (data, shape);
    }

    private static byte[] ReadAll(Stream stream, int total, string path)
    {
        const int Chunk = 1 << 20;
        var data = new byte[Math.Min(total, Chunk)];
        for (var filled = 0; filled < total;)
        {
            if (filled == data.Length) Array.Resize(ref data, (int)Math.Min(total, 2L * data.Length));
            var read = stream.Read(data, filled, data.Length - filled);
            if (read == 0) throw new DataFormatException($"{path} is truncated: {filled} bytes of data, but its header declares {total}.");
            filled += read;
        }
        return data;
    }
}

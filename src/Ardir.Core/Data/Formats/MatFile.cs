using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;

namespace Ardir.Core;

/// <summary>
/// Level-5 MATLAB files: a 128-byte header, then elements of type, size and data. Each variable is a matrix element, possibly inside a
/// compressed element. Reads numeric arrays only and skips other variables. Keeps no data in memory except what the visitor stores.
/// </summary>
internal static class MatFile
{
    private const int Matrix = 14, Compressed = 15;
    private const int MaxRank = 8, MaxName = 256;
    private const long MaxElements = int.MaxValue;

    // Deflate expands one byte to at most 1032, so a tag that claims more is wrong and can be refused before anything is inflated.
    private const long MaxInflation = 1032;

    private static readonly string[] _classes = ["", "cell array", "structure", "object", "text", "sparse matrix"];

    /// <summary>Passes the wanted variables to the visitor, in the order of the file.</summary>
    /// <returns>The file, with its checksum.</returns>
    public static DataFile Read(string path, IReadOnlyCollection<string> wanted, Action<MatArray> visit)
    {
        using var file = new HashedFile(path);
        try
        {
            var bigEndian = ReadHeader(file, path);
            var reader = new MatReader(file, bigEndian, file.Length - file.Position, path);
            while (reader.Left > 0)
            {
                var (type, bytes, padding) = reader.ReadTag();
                if (bytes > reader.Left)
                    throw reader.Damaged($"an element claims {bytes} bytes, {reader.Left} are left in the file; it is truncated");
                if (type == Compressed)
                {
                    Inflate(file, reader, bytes, wanted, visit);
                    continue;
                }
                var element = reader.Part(bytes);
                if (type == Matrix) ReadMatrix(element, wanted, visit);
                element.Skip(element.Left);
                reader.Skip(Math.Min(padding, reader.Left));
            }
            return file.Describe();
        }
        catch (Exception e) when (e is EndOfStreamException or InvalidDataException)
        {
            throw new DataFormatException($"{path}: the file is truncated or damaged ({e.Message}). Download it again.", e);
        }
    }

    private static bool ReadHeader(HashedFile file, string path)
    {
        Span<byte> header = stackalloc byte[128];
        var read = file.ReadAtLeast(header, header.Length, throwOnEndOfStream: false);
        if (header[..read].StartsWith("MATLAB 7.3"u8))
            throw new DataFormatException(
                $"{path} is a MATLAB 7.3 file (HDF5), which cannot be read; save it again with the option -v7.");
        if (read < header.Length || !header.StartsWith("MATLAB 5.0 MAT-file"u8))
            throw new DataFormatException($"{path} does not begin with 'MATLAB 5.0 MAT-file'; it is not a MATLAB 5 file.");
        var bigEndian = header[126..].SequenceEqual("MI"u8);
        if (!bigEndian && !header[126..].SequenceEqual("IM"u8))
            throw new DataFormatException(
                $"{path}: the byte order mark is {Convert.ToHexString(header[126..])}; expected 494D or 4D49.");
        var version = bigEndian
            ? BinaryPrimitives.ReadUInt16BigEndian(header[124..])
            : BinaryPrimitives.ReadUInt16LittleEndian(header[124..]);
        if (version != 0x0100) throw new DataFormatException($"{path} has version {version:X4}; expected 0100.");
        return bigEndian;
    }

    // A compressed element holds exactly one other element, and no padding follows it.
    private static void Inflate(
        HashedFile file, MatReader reader, long bytes, IReadOnlyCollection<string> wanted, Action<MatArray> visit)
    {
        reader.Part(bytes);
        using var packed = new BoundedStream(file, bytes);
        using (var inflated = new ZLibStream(packed, CompressionMode.Decompress, leaveOpen: true))
        {
            var tag = new MatReader(inflated, reader.BigEndian, 8, reader.Path).ReadTag();
            if (tag.Type == Compressed) throw reader.Damaged("a compressed element holds another");
            if (tag.Bytes > Math.Min(bytes * MaxInflation, UnpackLimit.Of(file.Length)))
                throw reader.Damaged($"{bytes} compressed bytes claim to hold {tag.Bytes}");
            var element = new MatReader(inflated, reader.BigEndian, tag.Bytes, reader.Path);
            if (tag.Type == Matrix) ReadMatrix(element, wanted, visit);
            element.Skip(element.Left);
            if (inflated.ReadByte() != -1) throw reader.Damaged("a compressed element holds more than its tag says");
        }
        // The decoder may stop before the end of the packed bytes; the next element begins behind them.
        packed.CopyTo(Stream.Null);
    }

    private static void ReadMatrix(MatReader element, IReadOnlyCollection<string> wanted, Action<MatArray> visit)
    {
        if (element.Left == 0) return;   // MATLAB writes an empty array as an element without content
        var flags = element.Word(FlagsOf(element));
        var kind = (int)(flags & 0xFF);
        if (kind is < 1 or > 15) return;   // opaque objects and functions, which have a different layout
        var sizes = SizesOf(element);
        var name = Encoding.ASCII.GetString(element.ReadShort(1, MaxName, "the characters of a name"));
        if (!wanted.Contains(name)) return;
        if (kind < 6) throw element.Damaged($"{name} is a {_classes[kind]}; expected a numeric array");
        if ((flags & 0x0800) != 0) throw element.Damaged($"{name} is complex; expected real numbers");
        var (type, bytes, _) = element.ReadTag();
        var count = sizes.Aggregate(1L, (product, size) => product * size);
        if (MatArray.Width(type) == 0) throw element.Damaged($"{name} is stored as type {type}; expected a numeric type");
        if (bytes != count * MatArray.Width(type))
            throw element.Damaged(
                $"{name} has {bytes} bytes of data; {count} values of {MatArray.Width(type)} bytes were expected");
        visit(new MatArray(name, sizes, type, element.BigEndian, element.Part(bytes)));
    }

    private static byte[] FlagsOf(MatReader element)
    {
        var flags = element.ReadShort(6, 8, "the flags of an array");
        return flags.Length == 8 ? flags : throw element.Damaged($"the flags of an array have {flags.Length} bytes; expected 8");
    }

    private static long[] SizesOf(MatReader element)
    {
        var bytes = element.ReadShort(5, 4 * MaxRank, "the sizes of an array");
        if (bytes.Length < 8 || bytes.Length % 4 != 0)
            throw element.Damaged($"the sizes of an array have {bytes.Length} bytes; expected at least two of 4 bytes");
        var (sizes, product) = (new long[bytes.Length / 4], 1L);
        for (var i = 0; i < sizes.Length; i++)
        {
            sizes[i] = (int)element.Word(bytes.AsSpan(4 * i));
            if (sizes[i] < 0 || sizes[i] > MaxElements / Math.Max(product, 1))
                throw element.Damaged($"size {i} of an array is {sizes[i]}, which is negative or too large");
            product *= sizes[i];
        }
        return sizes;
    }
}

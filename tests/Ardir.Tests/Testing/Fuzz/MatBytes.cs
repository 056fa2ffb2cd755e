using System.Buffers.Binary;
using System.IO.Compression;

namespace Ardir.Tests;

/// <summary>Writes MATLAB 5 files by hand, element by element, in either byte order.</summary>
internal sealed class MatBytes(bool bigEndian = false)
{
    private readonly List<byte> _file = [];

    public static byte[] Header(bool bigEndian = false, string text = "MATLAB 5.0 MAT-file, written by a test")
    {
        var header = new byte[128];
        header.AsSpan(0, 116).Fill((byte)' ');
        System.Text.Encoding.ASCII.GetBytes(text).CopyTo(header, 0);
        (header[124], header[125]) = bigEndian ? ((byte)1, (byte)0) : ((byte)0, (byte)1);
        (bigEndian ? "MI"u8 : "IM"u8).CopyTo(header.AsSpan(126));
        return header;
    }

    public byte[] File => [.. Header(bigEndian), .. _file];

    public MatBytes Add(byte[] element)
    {
        _file.AddRange(element);
        return this;
    }

    /// <summary>Compressed, and unpadded, as the format wants it.</summary>
    public MatBytes AddCompressed(byte[] element)
    {
        using var packed = new MemoryStream();
        using (var zlib = new ZLibStream(packed, CompressionLevel.Optimal, leaveOpen: true)) zlib.Write(element);
        return Add([.. Word(15), .. Word((uint)packed.Length), .. packed.ToArray()]);
    }

    /// <summary>A variable. Names and data of at most four bytes use the small form when asked to.</summary>
    public byte[] Matrix(string name, int kind, int[] sizes, int type, byte[] data, bool small = false, uint flags = 0) => Element(14,
    [
        .. Element(6, [.. Word((uint)kind | flags), .. Word(0)]),
        .. Element(5, [.. sizes.SelectMany(size => Word((uint)size))]),
        .. Element(1, System.Text.Encoding.ASCII.GetBytes(name), small),
        .. Element(type, data, small),
    ]);

    public byte[] Element(int type, byte[] data, bool small = false)
    {
        if (small && data.Length is > 0 and <= 4) return [.. Word(((uint)data.Length << 16) | (uint)type), .. data, .. new byte[4 - data.Length]];
        return [.. Word((uint)type), .. Word((uint)data.Length), .. data, .. new byte[(8 - data.Length % 8) % 8]];
    }

    public byte[] Word(uint value)
    {
        var bytes = new byte[4];
        if (bigEndian) BinaryPrimitives.WriteUInt32BigEndian(bytes, value);
        else BinaryPrimitives.WriteUInt32LittleEndian(bytes, value);
        return bytes;
    }

    /// <summary>Numbers in any of the storage types.</summary>
    public byte[] Numbers(int type, params double[] values) => [.. values.SelectMany(value =>
    {
        byte[] little = type switch
        {
            1 => [(byte)(sbyte)value], 2 => [(byte)value], 3 => BitConverter.GetBytes((short)value), 4 => BitConverter.GetBytes((ushort)value),
            5 => BitConverter.GetBytes((int)value), 6 => BitConverter.GetBytes((uint)value), 7 => BitConverter.GetBytes((float)value), 9 => BitConverter.GetBytes(value),
            12 => BitConverter.GetBytes((long)value), _ => BitConverter.GetBytes((ulong)value),
        };
        return bigEndian ? little.Reverse().ToArray() : little;
    })];
}

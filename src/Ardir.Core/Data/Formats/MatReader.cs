using System.Buffers.Binary;

namespace Ardir.Core;

/// <summary>Reads elements of a MATLAB 5 file within the bounds that the enclosing element sets.</summary>
internal sealed class MatReader(Stream stream, bool bigEndian, long length, string path)
{
    public long Left { get; private set; } = length;

    public string Path => path;

    public bool BigEndian => bigEndian;

    /// <summary>Reads the tag of the next element: its type, its size in bytes, and the padding behind its data.</summary>
    public (int Type, long Bytes, int Padding) ReadTag()
    {
        var first = ReadWord();
        var small = first >> 16;
        // A small element stores its size in the upper half of the first word, and up to four bytes of data in place of the second word.
        if (small > 4) throw Damaged($"a small element claims {small} bytes");
        if (small > 0) return ((int)(first & 0xFFFF), small, 4 - (int)small);
        var bytes = ReadWord();
        return ((int)first, bytes, (int)((8 - bytes % 8) % 8));
    }

    /// <summary>Reads the content of a short element of the expected type, and skips its padding.</summary>
    public byte[] ReadShort(int type, int most, string what)
    {
        var tag = ReadTag();
        if (tag.Type != type || tag.Bytes > most)
            throw Damaged($"{what} have type {tag.Type} and {tag.Bytes} bytes; expected type {type} and at most {most} bytes");
        var content = new byte[tag.Bytes];
        Read(content);
        Skip(Math.Min(tag.Padding, Left));
        return content;
    }

    public uint Word(ReadOnlySpan<byte> bytes) =>
        bigEndian ? BinaryPrimitives.ReadUInt32BigEndian(bytes) : BinaryPrimitives.ReadUInt32LittleEndian(bytes);

    public void Read(Span<byte> into)
    {
        Take(into.Length);
        stream.ReadExactly(into);
    }

    public void Skip(long bytes)
    {
        Take(bytes);
        if (stream.CanSeek)
        {
            stream.Seek(bytes, SeekOrigin.Current);
            return;
        }
        Span<byte> buffer = stackalloc byte[4096];
        for (; bytes > 0; bytes -= Math.Min(bytes, buffer.Length)) stream.ReadExactly(buffer[..(int)Math.Min(bytes, buffer.Length)]);
    }

    /// <summary>A reader for the next bytes alone. This reader counts them as read already.</summary>
    public MatReader Part(long bytes)
    {
        Take(bytes);
        return new MatReader(stream, bigEndian, bytes, path);
    }

    public DataFormatException Damaged(string what) =>
        new($"{path}: {what}. The file is damaged, or not a MATLAB 5 file of numeric arrays.");

    private uint ReadWord()
    {
        Span<byte> word = stackalloc byte[4];
        Read(word);
        return Word(word);
    }

    private void Take(long bytes)
    {
        if (bytes > Left) throw Damaged($"an element of {bytes} bytes has only {Left} bytes of room");
        Left -= bytes;
    }
}

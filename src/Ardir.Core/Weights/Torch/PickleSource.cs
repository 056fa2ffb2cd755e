using System.Buffers.Binary;
using System.Text;

namespace Ardir.Core;

/// <summary>The bytes of a pickle, one operation after another.</summary>
internal sealed class PickleSource(Stream stream)
{
    private const int MaxText = 1 << 20;
    private const int MaxSkipped = 1 << 28;
    private const int MaxLine = 1 << 10;

    private static readonly UTF8Encoding _utf8 = new(false, throwOnInvalidBytes: true);

    public byte Byte()
    {
        var value = stream.ReadByte();
        return value >= 0 ? (byte)value : throw Truncated();
    }

    public ushort UInt16() => BinaryPrimitives.ReadUInt16LittleEndian(Bytes(2));

    public int Int32() => BinaryPrimitives.ReadInt32LittleEndian(Bytes(4));

    public long Int64() => BinaryPrimitives.ReadInt64LittleEndian(Bytes(8));

    public double Double() => BinaryPrimitives.ReadDoubleBigEndian(Bytes(8));

    /// <summary>Reads a text. One that is too long to be a name (an array stored as text, for example) is skipped.</summary>
    public object Utf8(long length)
    {
        if (length > MaxText) return Skip(length);
        try
        {
            return _utf8.GetString(Bytes(length));
        }
        catch (ArgumentException e)
        {
            throw new WeightFormatException("The pickle holds text that is not UTF-8.", e);
        }
    }

    /// <inheritdoc cref="Utf8"/>
    public object Latin1(long length) => length > MaxText ? Skip(length) : Encoding.Latin1.GetString(Bytes(length));

    /// <summary>Skips text or bytes whose content is not needed.</summary>
    public PickleOpaque Skip(long length)
    {
        if (length is < 0 or > MaxSkipped)
            throw new WeightFormatException($"The pickle claims a text of {length} bytes; at most {MaxSkipped} are passed over.");
        var buffer = new byte[Math.Min(length, 1 << 14)];
        for (int read; length > 0; length -= read)
            if ((read = stream.Read(buffer, 0, (int)Math.Min(length, buffer.Length))) == 0) throw Truncated();
        return new PickleOpaque("text");
    }

    public byte[] Bytes(long length)
    {
        if (length is < 0 or > MaxText)
            throw new WeightFormatException($"The pickle claims a text of {length} bytes; at most {MaxText} are read.");
        var bytes = new byte[length];
        if (stream.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false) < bytes.Length) throw Truncated();
        return bytes;
    }

    public string Line()
    {
        var text = new StringBuilder();
        for (var value = Byte(); value != '\n'; value = Byte())
        {
            if (text.Length == MaxLine) throw new WeightFormatException("The pickle holds an endless line.");
            text.Append((char)value);
        }
        return text.ToString();
    }

    /// <summary>Reads a little-endian two's complement integer of any length.</summary>
    public object Long(long length)
    {
        var value = new System.Numerics.BigInteger(Bytes(length));
        return value >= long.MinValue && value <= long.MaxValue ? (object)(long)value : value;
    }

    private static WeightFormatException Truncated() => new("The file ends in the middle of its description: it is truncated.");
}

using System.Buffers.Binary;

namespace Ardir.Core;

/// <summary>
/// A numeric array of a MATLAB file whose values are read as a stream, in column-major order. The stored type may be narrower than the
/// array's class.
/// </summary>
internal sealed class MatArray(string name, long[] sizes, int type, bool bigEndian, MatReader values)
{
    private readonly int _width = Width(type);

    public string Name => name;

    public IReadOnlyList<long> Sizes => sizes;

    public long Count { get; } = sizes.Aggregate(1L, (product, size) => product * size);

    /// <summary>Bytes per value of a MATLAB storage type; 0 if the type is not numeric.</summary>
    public static int Width(int type) => type switch { 1 or 2 => 1, 3 or 4 => 2, 5 or 6 or 7 => 4, 9 or 12 or 13 => 8, _ => 0 };

    /// <summary>Reads the next values, which must be whole numbers from 0 to 255.</summary>
    /// <exception cref="DataFormatException">A value is something else.</exception>
    public void Read(Span<byte> into)
    {
        if (type == 2)
        {
            values.Read(into);
            return;
        }
        const int Chunk = 1024;
        Span<byte> raw = stackalloc byte[Chunk * 8];
        for (var at = 0; at < into.Length; at += Chunk)
        {
            var count = Math.Min(Chunk, into.Length - at);
            var part = raw[..(count * _width)];
            values.Read(part);
            for (var i = 0; i < count; i++)
            {
                var value = Decode(part.Slice(i * _width, _width));
                if (!(value >= 0 && value <= 255) || value != Math.Floor(value))
                    throw values.Damaged($"{name} holds the value {value}; expected whole numbers from 0 to 255");
                into[at + i] = (byte)value;
            }
        }
    }

    private double Decode(ReadOnlySpan<byte> raw) => type switch
    {
        1 => (sbyte)raw[0],
        3 => bigEndian ? BinaryPrimitives.ReadInt16BigEndian(raw) : BinaryPrimitives.ReadInt16LittleEndian(raw),
        4 => bigEndian ? BinaryPrimitives.ReadUInt16BigEndian(raw) : BinaryPrimitives.ReadUInt16LittleEndian(raw),
        5 => bigEndian ? BinaryPrimitives.ReadInt32BigEndian(raw) : BinaryPrimitives.ReadInt32LittleEndian(raw),
        6 => bigEndian ? BinaryPrimitives.ReadUInt32BigEndian(raw) : BinaryPrimitives.ReadUInt32LittleEndian(raw),
        7 => bigEndian ? BinaryPrimitives.ReadSingleBigEndian(raw) : BinaryPrimitives.ReadSingleLittleEndian(raw),
        9 => bigEndian ? BinaryPrimitives.ReadDoubleBigEndian(raw) : BinaryPrimitives.ReadDoubleLittleEndian(raw),
        12 => bigEndian ? BinaryPrimitives.ReadInt64BigEndian(raw) : BinaryPrimitives.ReadInt64LittleEndian(raw),
        _ => bigEndian ? BinaryPrimitives.ReadUInt64BigEndian(raw) : BinaryPrimitives.ReadUInt64LittleEndian(raw),
    };
}

using System.Buffers.Binary;
using System.Text;

namespace Ardir.Tests;

/// <summary>Reads TensorBoard event files: TFRecord frames (length, masked CRC-32C, data, masked CRC-32C) around protocol buffers. Every checksum is checked.</summary>
internal static class EventFile
{
    public static List<(string Tag, long Step, float Value, double WallTime)> Scalars(string path)
    {
        var result = new List<(string, long, float, double)>();
        var data = File.ReadAllBytes(path).AsSpan();
        while (data.Length > 0)
        {
            var length = (int)BinaryPrimitives.ReadUInt64LittleEndian(data);
            BinaryPrimitives.ReadUInt32LittleEndian(data[8..]).Should().Be(Masked(data[..8]));
            var body = data.Slice(12, length);
            BinaryPrimitives.ReadUInt32LittleEndian(data[(12 + length)..]).Should().Be(Masked(body));
            Event(body, result);
            data = data[(16 + length)..];
        }
        return result;
    }

    private static void Event(ReadOnlySpan<byte> body, List<(string, long, float, double)> result)
    {
        var (wallTime, step) = (0.0, 0L);
        byte[] summary = [];
        foreach (var (field, number, bytes) in Fields(body))
        {
            if (field == 1) wallTime = BitConverter.Int64BitsToDouble(number);
            if (field == 2) step = number;
            if (field == 5) summary = bytes;
        }
        foreach (var (field, _, value) in Fields(summary))
        {
            field.Should().Be(1);
            var (tag, scalar) = ("", 0f);
            foreach (var (part, number, bytes) in Fields(value))
            {
                if (part == 1) tag = Encoding.UTF8.GetString(bytes);
                if (part == 2) scalar = BitConverter.Int32BitsToSingle((int)number);
            }
            result.Add((tag, step, scalar, wallTime));
        }
    }

    private static List<(int Field, long Number, byte[] Bytes)> Fields(ReadOnlySpan<byte> data)
    {
        var fields = new List<(int, long, byte[])>();
        while (data.Length > 0)
        {
            var key = Varint(ref data);
            var (number, bytes) = (0L, Array.Empty<byte>());
            switch (key & 7)
            {
                case 0: number = Varint(ref data); break;
                case 1: number = BinaryPrimitives.ReadInt64LittleEndian(data); data = data[8..]; break;
                case 2: var length = (int)Varint(ref data); bytes = data[..length].ToArray(); data = data[length..]; break;
                case 5: number = BinaryPrimitives.ReadInt32LittleEndian(data); data = data[4..]; break;
                default: throw new InvalidDataException($"wire type {key & 7}");
            }
            fields.Add(((int)(key >> 3), number, bytes));
        }
        return fields;
    }

    private static long Varint(ref ReadOnlySpan<byte> data)
    {
        var (value, shift) = (0L, 0);
        while (true)
        {
            var next = data[0];
            data = data[1..];
            value |= (long)(next & 0x7F) << shift;
            if (next < 0x80) return value;
            shift += 7;
        }
    }

    private static uint Masked(ReadOnlySpan<byte> data)
    {
        var crc = uint.MaxValue;
        foreach (var value in data)
        {
            crc ^= value;
            for (var bit = 0; bit < 8; bit++) crc = (crc >> 1) ^ (0x82F63B78 & (0 - (crc & 1)));
        }
        crc = ~crc;
        return ((crc >> 15) | (crc << 17)) + 0xA282EAD8;
    }
}

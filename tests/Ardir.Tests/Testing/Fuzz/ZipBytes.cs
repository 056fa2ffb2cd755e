using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;

namespace Ardir.Tests;

/// <summary>Zip archives written by hand, so that their directory can lie.</summary>
internal static class ZipBytes
{
    /// <summary>An honest archive with stored entries.</summary>
    public static byte[] Of(params ReadOnlySpan<(string Name, byte[] Content)> entries)
    {
        var parts = new Part[entries.Length];
        for (var i = 0; i < parts.Length; i++) parts[i] = new Part(entries[i].Name, entries[i].Content);
        return Of(parts);
    }

    public static byte[] Of(IReadOnlyList<Part> parts)
    {
        using var zip = new MemoryStream();
        var offsets = new long[parts.Count];
        for (var i = 0; i < parts.Count; i++)
        {
            offsets[i] = zip.Position;
            if (parts[i].SameAs is { } other) offsets[i] = offsets[other];
            else
            {
                Write(zip, 0x04034b50, parts[i], null);
                zip.Write(parts[i].Bytes);
            }
        }
        var start = zip.Position;
        for (var i = 0; i < parts.Count; i++) Write(zip, 0x02014b50, parts[i], (uint)offsets[i]);
        var end = new byte[22];
        BinaryPrimitives.WriteUInt32LittleEndian(end, 0x06054b50);
        BinaryPrimitives.WriteUInt16LittleEndian(end.AsSpan(8), (ushort)parts.Count);
        BinaryPrimitives.WriteUInt16LittleEndian(end.AsSpan(10), (ushort)parts.Count);
        BinaryPrimitives.WriteUInt32LittleEndian(end.AsSpan(12), (uint)(zip.Position - start));
        BinaryPrimitives.WriteUInt32LittleEndian(end.AsSpan(16), (uint)start);
        zip.Write(end);
        return zip.ToArray();
    }

    public static byte[] Deflate(byte[] content)
    {
        using var packed = new MemoryStream();
        using (var deflate = new DeflateStream(packed, CompressionLevel.Optimal, leaveOpen: true)) deflate.Write(content);
        return packed.ToArray();
    }

    private static void Write(MemoryStream zip, uint signature, Part part, uint? offset)
    {
        var name = Encoding.UTF8.GetBytes(part.Name);
        var (header, shift) = (new byte[offset is null ? 30 : 46], offset is null ? 4 : 6);
        BinaryPrimitives.WriteUInt32LittleEndian(header, signature);
        BinaryPrimitives.WriteUInt16LittleEndian(header.AsSpan(4), 20);
        if (offset is not null) BinaryPrimitives.WriteUInt16LittleEndian(header.AsSpan(6), 20);
        BinaryPrimitives.WriteUInt16LittleEndian(header.AsSpan(shift + 2), (ushort)(0x800 | part.Flags));
        BinaryPrimitives.WriteUInt16LittleEndian(header.AsSpan(shift + 4), part.Method);
        BinaryPrimitives.WriteUInt32LittleEndian(header.AsSpan(shift + 10), part.Crc);
        BinaryPrimitives.WriteUInt32LittleEndian(header.AsSpan(shift + 14), part.Packed ?? (uint)part.Bytes.Length);
        BinaryPrimitives.WriteUInt32LittleEndian(header.AsSpan(shift + 18), part.Length ?? (uint)part.Bytes.Length);
        BinaryPrimitives.WriteUInt16LittleEndian(header.AsSpan(shift + 22), (ushort)name.Length);
        if (offset is { } at) BinaryPrimitives.WriteUInt32LittleEndian(header.AsSpan(42), at);
        zip.Write(header);
        zip.Write(name);
    }

    /// <summary>An entry; whatever is not given is what it should be.</summary>
    internal sealed record Part(string Name, byte[] Bytes)
    {
        /// <summary>0 stored, 8 deflated.</summary>
        public ushort Method { get; init; }

        public ushort Flags { get; init; }

        /// <summary>Claimed length of the content.</summary>
        public uint? Length { get; init; }

        /// <summary>Claimed length in the archive.</summary>
        public uint? Packed { get; init; }

        /// <summary>Points at the bytes of an earlier entry instead of its own.</summary>
        public int? SameAs { get; init; }

        /// <summary>Checksum of the content.</summary>
        public uint Crc { get; init; } = Checksum(Bytes);

        public static Part Deflated(string name, byte[] content) => new(name, Deflate(content)) { Method = 8, Length = (uint)content.Length, Crc = Checksum(content) };

        private static uint Checksum(byte[] content)
        {
            var crc = uint.MaxValue;
            foreach (var value in content)
            {
                crc ^= value;
                for (var bit = 0; bit < 8; bit++) crc = (crc >> 1) ^ (0xEDB88320 & (0 - (crc & 1)));
            }
            return ~crc;
        }
    }
}

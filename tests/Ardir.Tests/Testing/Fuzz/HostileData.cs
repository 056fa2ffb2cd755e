using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;

namespace Ardir.Tests;

/// <summary>Data files that were never valid: sizes that are not there, elements in elements, much out of little.</summary>
internal static class HostileData
{
    private const int BombBytes = 16 << 20;

    private static readonly Lazy<byte[]> _gzipZeros = new(() => Gzip([0, 0, 8, 3, 0, 0, 0x40, 0, 0, 0, 0, 32, 0, 0, 0, 32, .. new byte[BombBytes]]));
    private static readonly Lazy<byte[]> _pngZeros = new(() => Png([.. BigEndian(4096), .. BigEndian(4096), 1, 0, 0, 0, 0], new byte[4096 * 513], 1));

    public static byte[] Idx(Random random)
    {
        var rank = random.Next(6);
        byte[] dimensions = [.. Enumerable.Range(0, rank).SelectMany(_ => BigEndian((int)PickleBytes.Odd(random)))];
        return [(byte)random.Next(2), 0, (byte)(random.Next(2) == 0 ? 8 : random.Next(16)), (byte)(random.Next(2) == 0 ? rank : random.Next(256)), .. dimensions, .. new byte[random.Next(300)]];
    }

    public static byte[] GzipIdx(Random random) => random.Next(200) == 0 ? _gzipZeros.Value : Gzip(Idx(random));

    public static byte[] Gzip(byte[] content)
    {
        using var packed = new MemoryStream();
        using (var gzip = new GZipStream(packed, CompressionLevel.Fastest, leaveOpen: true)) gzip.Write(content);
        return packed.ToArray();
    }

    /// <summary>Records with any labels, or not quite records.</summary>
    public static byte[] Cifar(Random random, int labels)
    {
        var file = new byte[(3072 + labels) * random.Next(4) + (random.Next(4) == 0 ? random.Next(20) : 0)];
        for (var i = 0; i < file.Length; i += 3072 + labels) random.NextBytes(file.AsSpan(i, Math.Min(labels, file.Length - i)));
        return file;
    }

    public static byte[] Mat(Random random)
    {
        var mat = new MatBytes(random.Next(2) == 0);
        for (var i = random.Next(4); i >= 0; i--)
        {
            var element = Element(mat, random, random.Next(4));
            _ = random.Next(3) == 0 ? mat.AddCompressed(random.Next(300) == 0 ? [.. mat.Word(14), .. mat.Word(BombBytes), .. new byte[BombBytes]] : element) : mat.Add(element);
        }
        return mat.File;
    }

    /// <summary>Chunks with right checksums and wrong content.</summary>
    public static byte[] Png(Random random)
    {
        if (random.Next(500) == 0) return _pngZeros.Value;
        byte[] header = [.. BigEndian((int)PickleBytes.Odd(random)), .. BigEndian((int)PickleBytes.Odd(random)), (byte)(1 << random.Next(6)), (byte)random.Next(8), (byte)(random.Next(8) / 7), 0, (byte)random.Next(2)];
        if (random.Next(2) == 0) BigEndian(1 + random.Next(30)).CopyTo(header, 0);
        if (random.Next(2) == 0) BigEndian(1 + random.Next(30)).CopyTo(header, 4);
        var pixels = new byte[random.Next(4000)];
        random.NextBytes(pixels);
        return Png(header, pixels, random.Next(3), random);
    }

    /// <summary>A picture from its header and its filtered rows.</summary>
    public static byte[] Png(byte[] header, byte[] rows, int parts, Random? random = null)
    {
        using var packed = new MemoryStream();
        using (var zlib = new ZLibStream(packed, CompressionLevel.Fastest, leaveOpen: true)) zlib.Write(rows);
        byte[] file = [0x89, (byte)'P', (byte)'N', (byte)'G', 0x0D, 0x0A, 0x1A, 0x0A, .. Chunk("IHDR", header)];
        string[] kinds = ["PLTE", "tRNS", "gAMA", "iCCP", "zTXt", "acTL", "fcTL", "IHDR", "cHRM", "eXIf"];
        for (var i = random?.Next(3) ?? 0; i > 0; i--)
        {
            var content = new byte[random!.Next(40)];
            random.NextBytes(content);
            file = [.. file, .. Chunk(kinds[random.Next(kinds.Length)], content)];
        }
        for (var i = 0; i < parts; i++) file = [.. file, .. Chunk("IDAT", i == 0 ? packed.ToArray() : [])];
        return [.. file, .. Chunk("IEND", [])];
    }

    /// <summary>A JPEG's markers with any sizes.</summary>
    public static byte[] Jpeg(Random random)
    {
        List<byte> file = [0xFF, 0xD8, 0xFF, 0xE0, 0, 16, .. "JFIF\0"u8, 1, 1, 0, 0, 1, 0, 1, 0, 0];
        byte[] markers = [0xC0, 0xC1, 0xC2, 0xC3, 0xC4, 0xC9, 0xDB, 0xDA, 0xDD, 0xE1, 0xEE, 0xFE];
        for (var i = random.Next(8); i >= 0; i--)
        {
            var marker = markers[random.Next(markers.Length)];
            byte[] body = marker is >= 0xC0 and <= 0xC3
                ? [8, (byte)random.Next(256), (byte)random.Next(256), (byte)random.Next(256), (byte)random.Next(256), 3, 1, 0x22, 0, 2, 0x11, 1, 3, 0x11, 1]
                : new byte[random.Next(80)];
            if (marker is not (>= 0xC0 and <= 0xC3)) random.NextBytes(body);
            var length = random.Next(8) == 0 ? random.Next(65536) : body.Length + 2;
            file.AddRange([0xFF, marker, (byte)(length >> 8), (byte)length, .. body]);
        }
        return [.. file, 0xFF, 0xD9];
    }

    private static byte[] Element(MatBytes mat, Random random, int depth)
    {
        int Size() => (int)PickleBytes.Odd(random);
        return random.Next(7) switch
        {
            0 => mat.Matrix(random.Next(2) == 0 ? "X" : "y", random.Next(20), [.. Enumerable.Range(0, random.Next(10)).Select(_ => Size())], random.Next(20), new byte[random.Next(100)], random.Next(2) == 0, (uint)random.Next(65536)),
            1 => mat.Matrix("X", 9, [32, 32, 3, random.Next(3) == 0 ? Size() : 1], 2, new byte[3072]),
            2 => mat.Matrix("y", 6, [random.Next(3) == 0 ? Size() : 1, 1], 2, [(byte)random.Next(12)], small: true),
            3 => [.. mat.Word((uint)random.Next(20)), .. mat.Word((uint)Size()), .. new byte[random.Next(64)]],
            4 => [.. mat.Word(((uint)random.Next(8) << 16) | (uint)random.Next(20)), .. new byte[4]],
            5 when depth > 0 => new MatBytes().AddCompressed(Element(mat, random, depth - 1)).File[128..],
            _ => mat.Element(14, depth > 0 ? Element(mat, random, depth - 1) : []),
        };
    }

    private static byte[] Chunk(string kind, byte[] content)
    {
        byte[] named = [.. Encoding.ASCII.GetBytes(kind), .. content];
        return [.. BigEndian(content.Length), .. named, .. BigEndian((int)new ZipBytes.Part("", named).Crc)];
    }

    private static byte[] BigEndian(int value)
    {
        var bytes = new byte[4];
        BinaryPrimitives.WriteInt32BigEndian(bytes, value);
        return bytes;
    }
}

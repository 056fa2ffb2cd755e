using System.Buffers.Binary;
using System.IO.Compression;

namespace Ardir.Core;

/// <summary>Writes 8-bit grey and RGB pictures as PNG (ISO/IEC 15948), without interlacing or ancillary chunks.</summary>
internal static class PngEncoder
{
    private static ReadOnlySpan<byte> Signature => [0x89, (byte)'P', (byte)'N', (byte)'G', 0x0D, 0x0A, 0x1A, 0x0A];
    private static readonly uint[] _crcTable = CrcTable();

    /// <summary>Encodes a picture [C,H,W] with C = 1 or 3 and values in [0,1], which are rounded to multiples of 1/255.</summary>
    public static byte[] Encode(Tensor picture)
    {
        TensorGuard.Floating(picture);
        if (picture.dim() != 3 || picture.shape[0] is not (1 or 3) || picture.numel() == 0)
            throw new ArgumentException($"picture has shape {TensorGuard.Shape(picture)}; expected [1,H,W] or [3,H,W].", nameof(picture));
        TensorGuard.Box(picture);
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var interleaved = (picture.detach().to(ScalarType.Float32) * 255).round().clamp(0, 255).to(ScalarType.Byte).permute(1, 2, 0);
        return Encode(HostRead.Array<byte>(interleaved), (int)picture.shape[2], (int)picture.shape[1], (int)picture.shape[0]);
    }

    /// <summary>Encodes pixels that are given row by row, with the channels of a pixel next to each other.</summary>
    public static byte[] Encode(ReadOnlySpan<byte> pixels, int width, int height, int channels)
    {
        using var png = new MemoryStream();
        png.Write(Signature);
        Span<byte> header = stackalloc byte[13];
        BinaryPrimitives.WriteInt32BigEndian(header, width);
        BinaryPrimitives.WriteInt32BigEndian(header[4..], height);
        header[8] = 8;                                     // bits per sample
        header[9] = channels == 1 ? (byte)0 : (byte)2;     // grey or RGB
        header[10..].Clear();                              // deflate, the standard filters, not interlaced
        Chunk(png, "IHDR"u8, header);
        Chunk(png, "IDAT"u8, Compress(pixels, width * channels));
        Chunk(png, "IEND"u8, []);
        return png.ToArray();
    }

    private static byte[] Compress(ReadOnlySpan<byte> pixels, int stride)
    {
        using var compressed = new MemoryStream();
        using (var zlib = new ZLibStream(compressed, CompressionLevel.SmallestSize, leaveOpen: true))
        {
            for (var at = 0; at < pixels.Length; at += stride)
            {
                zlib.WriteByte(0);                         // filter "none"
                zlib.Write(pixels.Slice(at, stride));
            }
        }
        return compressed.ToArray();
    }

    private static void Chunk(MemoryStream png, ReadOnlySpan<byte> type, ReadOnlySpan<byte> data)
    {
        Span<byte> number = stackalloc byte[4];
        BinaryPrimitives.WriteInt32BigEndian(number, data.Length);
        png.Write(number);
        png.Write(type);
        png.Write(data);
        BinaryPrimitives.WriteUInt32BigEndian(number, ~Crc(Crc(uint.MaxValue, type), data));
        png.Write(number);
    }

    private static uint Crc(uint crc, ReadOnlySpan<byte> data)
    {
        foreach (var value in data) crc = _crcTable[(byte)(crc ^ value)] ^ (crc >> 8);
        return crc;
    }

    private static uint[] CrcTable()
    {
        var table = new uint[256];
        for (var i = 0u; i < 256; i++)
        {
            var crc = i;
            for (var bit = 0; bit < 8; bit++) crc = (crc & 1) != 0 ? 0xEDB88320 ^ (crc >> 1) : crc >> 1;
            table[i] = crc;
        }
        return table;
    }
}

using SkiaSharp;

namespace Ardir.Core;

/// <summary>Decodes PNG and JPEG with SkiaSharp, which TorchSharp depends on.</summary>
internal static class PictureFile
{
    private const int MaxFile = 256 << 20;
    public const long MaxPixels = 1L << 26;

    /// <summary>Pixels as [channels, height, width], row-major. Call <see cref="PictureDecoder.Ensure()"/> first.</summary>
    public static (byte[] Pixels, int Height, int Width) Decode(string path, byte[] file, int channels)
    {
        // The signature is checked here so that the native decoder, which reads more formats, gets no file that only bears the name.
        if (!file.AsSpan().StartsWith((ReadOnlySpan<byte>)[0x89, (byte)'P', (byte)'N', (byte)'G'])
            && !file.AsSpan().StartsWith((ReadOnlySpan<byte>)[0xFF, 0xD8, 0xFF]))
            throw new DataFormatException($"{path} is neither a PNG nor a JPEG file, whatever its name says.");
        return DecodeNatively(path, file, channels);
    }

    public static byte[] ReadAll(string path)
    {
        var length = new FileInfo(path).Length;
        return length <= MaxFile
            ? File.ReadAllBytes(path)
            : throw new DataFormatException($"{path} has {length} bytes; pictures of more than {MaxFile} are refused.");
    }

    private static (byte[] Pixels, int Height, int Width) DecodeNatively(string path, byte[] file, int channels)
    {
        using var data = SKData.CreateCopy(file);
        using var codec = SKCodec.Create(data) ?? throw new DataFormatException($"{path} cannot be decoded; it is damaged.");
        var (width, height) = (codec.Info.Width, codec.Info.Height);
        if ((long)width * height > MaxPixels)
            throw new DataFormatException($"{path} claims {width}x{height} pixels; more than {MaxPixels} are refused.");
        var info = new SKImageInfo(width, height, SKColorType.Rgba8888, SKAlphaType.Unpremul);
        using var bitmap = new SKBitmap(info);
        var result = codec.GetPixels(info, bitmap.GetPixels());
        if (result != SKCodecResult.Success) throw new DataFormatException($"{path} cannot be decoded whole ({result}); it is damaged.");
        return (Planes(bitmap.GetPixelSpan(), width * height, channels), height, width);
    }

    private static byte[] Planes(ReadOnlySpan<byte> rgba, int count, int channels)
    {
        var planes = new byte[channels * count];
        for (var i = 0; i < count; i++)
        {
            var pixel = rgba.Slice(4 * i, 4);
            // Grey is 0.299 R + 0.587 G + 0.114 B in 16-bit fixed point, rounded, exactly as PIL computes it.
            if (channels == 3) (planes[i], planes[count + i], planes[2 * count + i]) = (pixel[0], pixel[1], pixel[2]);
            else planes[i] = (byte)((pixel[0] * 19595 + pixel[1] * 38470 + pixel[2] * 7471 + 0x8000) >> 16);
        }
        return planes;
    }
}

using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;
using Ardir.Core;

namespace Ardir.Tests.Core.Reports;

public sealed class PngEncoderTests
{
    [Theory]
    [InlineData(1, 1, 1)]
    [InlineData(28, 28, 1)]
    [InlineData(5, 3, 3)]
    [InlineData(224, 160, 3)]
    public void Encode_Pixels_DecodesToTheSamePixels(int width, int height, int channels)
    {
        var pixels = new byte[width * height * channels];
        for (var i = 0; i < pixels.Length; i++) pixels[i] = (byte)(i * 37 + i / 91);
        var (size, decoded) = Decode(PngEncoder.Encode(pixels, width, height, channels));
        size.Should().Be((width, height, channels));
        decoded.Should().Equal(pixels);
    }

    [Fact]
    public void Encode_ColourTensor_InterleavesChannelsAndRounds()
    {
        using var scope = NewDisposeScope();
        var picture = tensor(new[] { 0f, 1f, 0.5f, 0.1f, 0.2f, 0.3f }, [3, 1, 2]);   // R: 0 1, G: .5 .1, B: .2 .3
        var (size, decoded) = Decode(PngEncoder.Encode(picture));
        size.Should().Be((2, 1, 3));
        decoded.Should().Equal(0, 128, 51, 255, 26, 76);                             // 127.5 and 76.5 go to the even neighbour
    }

    [Theory]
    [InlineData(ScalarType.Float32)]
    [InlineData(ScalarType.Float64)]
    public void Encode_EightBitGreyTensor_KeepsEveryLevel(ScalarType dtype)
    {
        using var scope = NewDisposeScope();
        var levels = (arange(256, dtype) / 255).reshape(1, 16, 16).requires_grad_();
        Decode(PngEncoder.Encode(levels)).Pixels.Should().Equal(Enumerable.Range(0, 256).Select(level => (byte)level));
    }

    [Fact]
    public void Encode_Tensor_LeavesNothingBehind()
    {
        using var picture = full([3, 4, 4], 0.5f);
        PngEncoder.Encode(picture);
        DisposeScopeManager.Statistics.Reset();
        PngEncoder.Encode(picture);
        DisposeScopeManager.Statistics.TensorStatistics.ThreadTotalLiveCount.Should().Be(0);
    }

    [Fact]
    public void Encode_WrongTensor_SaysWhatItTakes()
    {
        using var scope = NewDisposeScope();
        Encoding(zeros(2, 4, 4)).Should().Throw<ArgumentException>().WithMessage("*[2,4,4]*[1,H,W] or [3,H,W]*");
        Encoding(zeros(1, 1, 4, 4)).Should().Throw<ArgumentException>().WithMessage("*[1,1,4,4]*");
        Encoding(zeros([1, 4, 4], ScalarType.Byte)).Should().Throw<ArgumentException>().WithMessage("*floating-point*");
        Encoding(full([1, 4, 4], 255f)).Should().Throw<ArgumentException>().WithMessage("*[0,1]*");
        Encoding(full([1, 4, 4], float.NaN)).Should().Throw<ArgumentException>().WithMessage("*NaN*");
    }

    private static Func<byte[]> Encoding(Tensor picture) => () => PngEncoder.Encode(picture);

    /// <summary>A decoder for the encoder's subset of PNG, which checks signature, lengths and CRCs (by division, not by table).</summary>
    internal static ((int Width, int Height, int Channels) Size, byte[] Pixels) Decode(byte[] png)
    {
        png.AsSpan(0, 8).ToArray().Should().Equal(137, 80, 78, 71, 13, 10, 26, 10);
        var chunks = new Dictionary<string, byte[]>();
        for (var at = 8; at < png.Length;)
        {
            var length = BinaryPrimitives.ReadInt32BigEndian(png.AsSpan(at));
            var typeAndData = png.AsSpan(at + 4, 4 + length);
            BinaryPrimitives.ReadUInt32BigEndian(png.AsSpan(at + 8 + length)).Should().Be(Crc(typeAndData));
            chunks.Add(System.Text.Encoding.ASCII.GetString(typeAndData[..4]), typeAndData[4..].ToArray());
            at += 12 + length;
        }
        chunks.Keys.Should().Equal("IHDR", "IDAT", "IEND");
        var header = chunks["IHDR"];
        var (width, height) = (BinaryPrimitives.ReadInt32BigEndian(header), BinaryPrimitives.ReadInt32BigEndian(header.AsSpan(4)));
        header[8].Should().Be(8);
        var channels = header[9] == 0 ? 1 : 3;
        using var inflated = new MemoryStream();
        using (var zlib = new ZLibStream(new MemoryStream(chunks["IDAT"]), CompressionMode.Decompress)) zlib.CopyTo(inflated);
        var rows = inflated.ToArray();
        rows.Should().HaveCount(height * (1 + width * channels));
        var pixels = rows.Chunk(1 + width * channels).SelectMany(row => { row[0].Should().Be(0); return row[1..]; }).ToArray();
        return ((width, height, channels), pixels);
    }

    private static uint Crc(ReadOnlySpan<byte> data)
    {
        var crc = uint.MaxValue;
        foreach (var value in data)
        {
            crc ^= value;
            for (var bit = 0; bit < 8; bit++) crc = (crc >> 1) ^ (0xEDB88320 & (uint)-(int)(crc & 1));
        }
        return ~crc;
    }
}

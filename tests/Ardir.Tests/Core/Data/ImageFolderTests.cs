using Ardir.Core;
using SkiaSharp;

namespace Ardir.Tests.Core.Data;

public sealed class ImageFolderTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void ImageFolder_PngPerClass_KeepsPixelsAndSortsByCodePoint()
    {
        Png("b/2.png", 3, seed: 2);
        Png("b/1.PNG", 3, seed: 1);
        Png("B/deep/er/x.png", 3, seed: 3);
        Png("a/z.png", 1, seed: 4);
        File.WriteAllText(_folder.File("a/notes.txt"), "no picture");
        using var data = ImageDataset.ImageFolder(_folder.Path);
        data.ClassNames.Should().Equal("B", "a", "b");
        data.Images.shape.Should().Equal(4, 3, 5, 7);
        TensorAssert.Longs(data.Labels).Should().Equal(0, 1, 2, 2);
        var pixels = data.Images.data<byte>().ToArray();
        pixels[..105].Should().Equal(Planes(3, 3));
        pixels[105..140].Should().Equal(Planes(1, 4), "grey becomes three equal channels").And.Equal(pixels[140..175]);
        pixels[210..315].Should().Equal(Planes(3, 1));
        pixels[315..].Should().Equal(Planes(3, 2));
        data.Files.Select(file => Path.GetFileName(file.Path)).Should().Equal("x.png", "z.png", "1.PNG", "2.png");
    }

    [Fact]
    public void ImageFolder_Grey_WeighsTheChannels()
    {
        Png("a/colour.png", 3, seed: 5);
        using var data = ImageDataset.ImageFolder(_folder.Path, new ImageFolderOptions { Channels = 1 });
        data.Images.shape.Should().Equal(1, 1, 5, 7);
        var rgb = Planes(3, 5);
        var grey = data.Images.data<byte>().ToArray();
        for (var i = 0; i < 35; i++) ((double)grey[i]).Should().BeApproximately(0.299 * rgb[i] + 0.587 * rgb[35 + i] + 0.114 * rgb[70 + i], 0.51);
    }

    [Fact]
    public void ImageFolder_Jpeg_IsCloseToTheOriginal()
    {
        Directory.CreateDirectory(_folder.File("a"));
        using (var bitmap = new SKBitmap(16, 8, SKColorType.Rgba8888, SKAlphaType.Opaque))
        {
            bitmap.Erase(new SKColor(200, 100, 50));
            using var encoded = bitmap.Encode(SKEncodedImageFormat.Jpeg, 95);
            File.WriteAllBytes(_folder.File("a/x.jpeg"), encoded.ToArray());
        }
        using var data = ImageDataset.ImageFolder(_folder.Path);
        data.Images.shape.Should().Equal(1, 3, 8, 16);
        using var means = data.Images.to(ScalarType.Float64).mean([0, 2, 3]);
        TensorAssert.Close(means, [200, 100, 50], 2);
    }

    [Fact]
    public void ImageFolder_SizesDiffer_RefusedUnlessResizingIsAskedFor()
    {
        Png("a/1.png", 1, seed: 1);
        Write("a/2.png", PngEncoder.Encode(Enumerable.Repeat((byte)77, 20 * 10).ToArray(), 20, 10, 1));
        var read = () => ImageDataset.ImageFolder(_folder.Path);
        read.Should().Throw<DataFormatException>().WithMessage("*2.png is 10x20*1.png is 5x7*Height and Width*");
        using var data = ImageDataset.ImageFolder(_folder.Path, new ImageFolderOptions { Height = 5, Width = 10, Channels = 1 });
        data.Images.shape.Should().Equal(2, 1, 5, 10);
        data.Images[1].data<byte>().ToArray().Should().OnlyContain(pixel => pixel == 77);
    }

    [Fact]
    public void ImageFolder_Halved_IsThePlainMeanOfSmoothPictures()
    {
        // A ramp stays a ramp under any symmetric filter, away from the border.
        Write("a/1.png", PngEncoder.Encode(Enumerable.Range(0, 16 * 16).Select(i => (byte)(8 * (i % 16))).ToArray(), 16, 16, 1));
        using var data = ImageDataset.ImageFolder(_folder.Path, new ImageFolderOptions { Height = 8, Width = 8, Channels = 1 });
        var row = data.Images[0, 0, 3].data<byte>().ToArray();
        row[1..7].Should().Equal(Enumerable.Range(1, 6).Select(i => (byte)(16 * i + 4)));
    }

    [Fact]
    public void ImageFolder_BadFolders_AreRefused()
    {
        var gone = () => ImageDataset.ImageFolder(_folder.File("nothing"));
        gone.Should().Throw<DirectoryNotFoundException>();
        var read = () => ImageDataset.ImageFolder(_folder.Path);
        read.Should().Throw<DataFormatException>().WithMessage("*no folders*");
        Directory.CreateDirectory(_folder.File("a"));
        read.Should().Throw<DataFormatException>().WithMessage("*no PNG or JPEG*");
        var good = PngEncoder.Encode(new byte[12], 2, 2, 3);
        foreach (var (content, message) in new (byte[], string)[]
        {
            ([], "*neither*"), ("GIF89a and so on"u8.ToArray(), "*neither a PNG nor a JPEG*"), (good[..20], "*damaged*"), (good[..45], "*damaged*"), ([0xFF, 0xD8, 0xFF, 0xE0, 1, 2, 3], "*damaged*"),
            ([.. good[..16], 0x7F, 0xFF, 0xFF, 0xFF, 0x7F, 0xFF, 0xFF, 0xFF, .. good[24..]], "*x.png*"),
        })
        {
            Write("a/x.png", content);
            read.Should().Throw<DataFormatException>().WithMessage(message).WithMessage("*x.png*");
        }
        foreach (var (options, name) in new[]
        {
            (new ImageFolderOptions { Channels = 4 }, "Channels"), (new ImageFolderOptions { Height = 3 }, "Height"), (new ImageFolderOptions { Width = 3 }, "Height"), (new ImageFolderOptions { Height = 3, Width = 0 }, "Width"),
        })
        {
            var bad = () => ImageDataset.ImageFolder(_folder.Path, options);
            bad.Should().Throw<ArgumentException>().WithParameterName(name);
        }
    }

    [Theory]
    [InlineData(2, 3)]
    [InlineData(4, 5)]
    public void ImageFolder_Smaller_AveragesAllPixelsAsPilDoes(int height, int width)
    {
        Png("a/1.png", 3, seed: 6);
        using var data = ImageDataset.ImageFolder(_folder.Path, new ImageFolderOptions { Height = height, Width = width });
        data.Images.shape.Should().Equal(1, 3, height, width);
        var (planes, found) = (Planes(3, 6), data.Images.data<byte>().ToArray());
        var (rows, columns) = (Triangles(5, height), Triangles(7, width));
        for (var at = 0; at < found.Length; at++)
        {
            var (c, row, column, expected) = (at / (height * width), at / width % height, at % width, 0.0);
            for (var i = 0; i < 35; i++) expected += rows[row][i / 7] * columns[column][i % 7] * planes[c * 35 + i];
            ((double)found[at]).Should().BeApproximately(expected, 0.501, "value {0} is the weighted mean, rounded", at);
        }
    }

    // The weights of an axis's pixels in each of fewer: a triangle around the middle that is as wide as the scale, so that nothing between is left out.
    private static double[][] Triangles(int size, int smaller)
    {
        var scale = size / (double)smaller;
        return [.. Enumerable.Range(0, smaller).Select(i =>
        {
            var weights = Enumerable.Range(0, size).Select(j => Math.Max(0, 1 - Math.Abs(j + 0.5 - (i + 0.5) * scale) / scale)).ToArray();
            return weights.Select(weight => weight / weights.Sum()).ToArray();
        })];
    }

    [Fact]
    public void ImageFolder_Repeated_LeavesNoTensorBehind()
    {
        Png("a/1.png", 3, seed: 1);
        LeakAssert.None(() => ImageDataset.ImageFolder(_folder.Path, new ImageFolderOptions { Height = 3, Width = 3 }).Dispose());
        Write("b/2.png", [1]);
        LeakAssert.None(() =>
        {
            var read = () => ImageDataset.ImageFolder(_folder.Path);
            read.Should().Throw<DataFormatException>();
        });
    }

    private void Png(string name, int channels, int seed)
    {
        var planes = Planes(channels, seed);
        Write(name, PngEncoder.Encode([.. Enumerable.Range(0, 35 * channels).Select(i => planes[i % channels * 35 + i / channels])], 7, 5, channels));
    }

    private void Write(string name, byte[] content)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(_folder.File(name))!);
        File.WriteAllBytes(_folder.File(name), content);
    }

    // Channel by channel, 5 rows of 7.
    private static byte[] Planes(int channels, int seed)
    {
        var planes = new byte[channels * 35];
        new Random(seed).NextBytes(planes);
        return planes;
    }
}

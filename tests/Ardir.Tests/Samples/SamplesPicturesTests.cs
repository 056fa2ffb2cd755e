using System.Globalization;
using System.Runtime.InteropServices;
using Ardir.Core;
using SkiaSharp;

namespace Ardir.Tests;

/// <summary>The samples with a folder of pictures. Making the model to compare with draws from the global generator, so this runs alone.</summary>
public sealed class SamplesPicturesTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    [Fact]
    public void Import_WithAFolderOfPictures_MeasuresTheAccuracyOfTheModel()
    {
        var (expected, count) = WritePictures(24);
        var run = SampleProcess.Run(_folder.Path, "import", Path.Combine(AppContext.BaseDirectory, "Goldens", "fm_robust.pt"), "--data", "pictures").ShouldSucceed();
        run.Output[^1].Should().Be(string.Create(CultureInfo.InvariantCulture, $"Clean accuracy: {expected / (double)count:P2} on {count} images"));
        run.Output.Should().Contain("Images of any size whose last maps have 49 positions fit; square ones of 28x28 are assumed.", "lines are not wrapped in a pipe");
    }

    public void Dispose() => _folder.Dispose();

    // The first test images as PNG in a folder per class, and how many of them the model gets right.
    private (int Right, int Count) WritePictures(int count)
    {
        using var scope = NewDisposeScope();
        using var model = FashionModel.Robust();
        model.eval();
        var (images, labels) = FashionModel.Images(count);
        var right = (int)model.call(images).argmax(1).eq(labels).sum().ToInt64();
        for (var i = 0; i < count; i++)
        {
            var folder = _folder.File($"pictures/{labels[i].ToInt64()}");
            Directory.CreateDirectory(folder);
            var pixels = (images[i] * 255).round().to(ScalarType.Byte).flatten().data<byte>().ToArray();
            using var bitmap = new SKBitmap(new SKImageInfo(28, 28, SKColorType.Gray8));
            Marshal.Copy(pixels, 0, bitmap.GetPixels(), pixels.Length);
            using var png = bitmap.Encode(SKEncodedImageFormat.Png, 100);
            File.WriteAllBytes(Path.Combine(folder, $"{i}.png"), png.ToArray());
        }
        for (var i = 0; i < 10; i++) Directory.CreateDirectory(_folder.File($"pictures/{i}")).EnumerateFiles().Should().NotBeEmpty("all ten classes are among the images");
        return (right, count);
    }
}

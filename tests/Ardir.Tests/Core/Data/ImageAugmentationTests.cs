using Ardir.Core;

namespace Ardir.Tests;

public sealed class ImageAugmentationTests
{
    private const ulong Seed = 77;

    [Theory]
    [InlineData(CropPadding.Reflect, true, 4)]
    [InlineData(CropPadding.Zero, true, 4)]
    [InlineData(CropPadding.Reflect, false, 2)]
    [InlineData(CropPadding.Zero, false, 2)]
    [InlineData(CropPadding.Zero, true, 0)]
    [InlineData(CropPadding.Reflect, true, 0)]
    [InlineData(CropPadding.Reflect, true, 5)]
    public void Apply_AnyBatch_IsTheLoopOverItsSamples(CropPadding mode, bool flip, int padding)
    {
        using var scope = NewDisposeScope();
        var images = Pixels(40, 2, 6, 7);
        long[] numbers = [.. Enumerable.Range(0, 40).Select(i => 1000L - 3 * i)];
        var augmentation = new ImageAugmentation { Padding = padding, PaddingMode = mode, HorizontalFlip = flip };
        TensorAssert.Same(augmentation.Apply(images, Seed, numbers), Reference(images, augmentation, numbers));
    }

    [Fact]
    public void Apply_OneSample_DoesNotDependOnItsBatch()
    {
        using var scope = NewDisposeScope();
        var images = Pixels(8, 1, 6, 6);
        var whole = ImageAugmentation.Cifar.Apply(images, Seed, [0, 1, 2, 3, 4, 5, 6, 7]);
        foreach (var row in new long[] { 0, 3, 7 })
            TensorAssert.Same(ImageAugmentation.Cifar.Apply(images.narrow(0, row, 1), Seed, [row])[0], whole[row]);
        var backwards = ImageAugmentation.Cifar.Apply(images.flip(0), Seed, [7, 6, 5, 4, 3, 2, 1, 0]);
        TensorAssert.Same(backwards.flip(0), whole);
        TensorAssert.Different(ImageAugmentation.Cifar.Apply(images, Seed + 1, [0, 1, 2, 3, 4, 5, 6, 7]), whole);
    }

    [Fact]
    public void Apply_ManySamples_DrawsEveryShiftAndFlipEquallyOften()
    {
        using var scope = NewDisposeScope();
        const int Count = 6000;
        // One bright pixel in the middle of 5x5, padding 1: it tells the shift; a dimmer one to its right tells the flip.
        var images = zeros(Count, 1, 5, 5, dtype: ScalarType.Byte);
        images[.., 0, 2, 2] = 200;
        images[.., 0, 2, 3] = 100;
        var result = new ImageAugmentation { Padding = 1, PaddingMode = CropPadding.Zero }.Apply(images, Seed, [.. Enumerable.Range(0, Count).Select(i => (long)i)]);
        var flat = TensorAssert.Longs(result).Chunk(25).Select(pixels => (At: Array.IndexOf(pixels, 200L), Dim: Array.IndexOf(pixels, 100L))).ToList();
        var counts = flat.GroupBy(entry => (Row: entry.At / 5, Column: entry.At % 5, Flipped: entry.Dim < entry.At)).ToDictionary(group => group.Key, group => group.Count());
        counts.Should().HaveCount(18);
        counts.Keys.Should().OnlyContain(key => key.Row >= 1 && key.Row <= 3 && key.Column >= 1 && key.Column <= 3);
        // Each of the 18 has probability 1/18: six standard deviations around 333.
        counts.Values.Should().OnlyContain(count => count > 333 - 107 && count < 333 + 107);
    }

    [Fact]
    public void Apply_FlipWithoutPadding_IsTheImageOrItsMirror()
    {
        using var scope = NewDisposeScope();
        var images = Pixels(64, 3, 4, 5);
        var result = new ImageAugmentation { Padding = 0 }.Apply(images, Seed, [.. Enumerable.Range(0, 64).Select(i => (long)i)]);
        var (same, mirrored) = (0, 0);
        for (var i = 0; i < 64; i++)
        {
            if (TensorAssert.Longs(result[i]).SequenceEqual(TensorAssert.Longs(images[i]))) same++;
            else if (TensorAssert.Longs(result[i]).SequenceEqual(TensorAssert.Longs(images[i].flip(2)))) mirrored++;
        }
        (same + mirrored).Should().Be(64);
        same.Should().BeInRange(16, 48);
    }

    [Theory]
    [InlineData(ScalarType.Float32)]
    [InlineData(ScalarType.Float64)]
    [InlineData(ScalarType.Byte)]
    public void Apply_AnyDtype_KeepsIt(ScalarType dtype)
    {
        using var scope = NewDisposeScope();
        var bytes = Pixels(5, 1, 8, 8);
        var expected = ImageAugmentation.Cifar.Apply(bytes, Seed, [4, 5, 6, 7, 8]).to(dtype);
        TensorAssert.Same(ImageAugmentation.Cifar.Apply(bytes.to(dtype), Seed, [4, 5, 6, 7, 8]), expected);
    }

    [Fact]
    public void Apply_Repeatedly_LeavesNoTensorBehindAndTheInputAsItWas()
    {
        using var images = Pixels(4, 1, 8, 8);
        using var before = images.clone();
        foreach (var mode in Enum.GetValues<CropPadding>())
            LeakAssert.None(() => new ImageAugmentation { PaddingMode = mode }.Apply(images, Seed, [0, 1, 2, 3]).Dispose());
        TensorAssert.Same(images, before);
    }

    [Fact]
    public void Apply_InvalidArguments_SaysWhatWasExpected()
    {
        using var scope = NewDisposeScope();
        var images = Pixels(2, 1, 4, 6);
        var augmentation = new ImageAugmentation();
        augmentation.Invoking(a => a.Apply(images, 0, [0, 1])).Should().Throw<ArgumentException>().WithMessage("*Padding is 4*0 to 3*4x6*");
        augmentation.Invoking(a => (a with { Padding = -1 }).Apply(images, 0, [0, 1])).Should().Throw<ArgumentException>().WithMessage("*Padding is -1*");
        augmentation.Invoking(a => (a with { Padding = 1 }).Apply(images, 0, [0])).Should().Throw<ArgumentException>().WithMessage("*1 sample indices for 2 images*");
        augmentation.Invoking(a => a.Apply(images[0], 0, [0])).Should().Throw<ArgumentException>().Which.Message.Should().Contain("[1,4,6]");
        augmentation.Invoking(a => a.Apply(null!, 0, [0])).Should().Throw<ArgumentNullException>();
    }

    [Fact]
    public void Defaults_AreTheCifarRecipe()
    {
        (ImageAugmentation.Cifar.Padding, ImageAugmentation.Cifar.PaddingMode, ImageAugmentation.Cifar.HorizontalFlip).Should().Be((4, CropPadding.Reflect, true));
        ImageAugmentation.Cifar.Should().Be(new ImageAugmentation());
    }

    private static Tensor Pixels(int count, int channels, int height, int width) =>
        TinyModels.Random([count, channels, height, width], 9, ScalarType.Byte, 0, 256);

    /// <summary>Pads, crops and mirrors pixel by pixel.</summary>
    private static Tensor Reference(Tensor images, ImageAugmentation augmentation, long[] numbers)
    {
        var (count, channels, height, width) = ((int)images.shape[0], (int)images.shape[1], (int)images.shape[2], (int)images.shape[3]);
        var source = TensorAssert.Longs(images);
        var result = new byte[source.Length];
        var pad = augmentation.Padding;
        for (var n = 0; n < count; n++)
        {
            var state = SeedMixer.Mix(Seed, (ulong)numbers[n]);
            var down = SeedMixer.ToInt(SeedMixer.Next(ref state), 2 * pad + 1) - pad;
            var right = SeedMixer.ToInt(SeedMixer.Next(ref state), 2 * pad + 1) - pad;
            var flip = SeedMixer.Next(ref state) >= 1UL << 63 && augmentation.HorizontalFlip;
            for (var c = 0; c < channels; c++)
                for (var h = 0; h < height; h++)
                    for (var w = 0; w < width; w++)
                        result[((n * channels + c) * height + h) * width + (flip ? width - 1 - w : w)] = Pixel(c, h + down, w + right);

            byte Pixel(int c, int row, int column)
            {
                if (augmentation.PaddingMode == CropPadding.Zero && (row < 0 || row >= height || column < 0 || column >= width)) return 0;
                return (byte)source[((n * channels + c) * height + Mirror(row, height)) * width + Mirror(column, width)];
            }
        }
        return tensor(result, images.shape, ScalarType.Byte);
    }

    private static int Mirror(int at, int size) => at < 0 ? -at : at >= size ? 2 * size - 2 - at : at;
}

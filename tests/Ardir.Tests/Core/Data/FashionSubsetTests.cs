using Ardir.Core;

namespace Ardir.Tests.Core.Data;

public sealed class FashionSubsetTests
{
    // Counted from the files with Python's gzip module, independently of the reader.
    public static TheoryData<Split, int, long[], long, long> Subsets => new()
    {
        { Split.Train, 10_000, [942, 1027, 1016, 1019, 974, 989, 1021, 1022, 990, 1000], 76_247, 79_936 },
        { Split.Test, 2_000, [200, 203, 214, 190, 219, 195, 197, 200, 194, 188], 33_456, 59_629 },
    };

    [Theory, MemberData(nameof(Subsets))]
    public void Mnist_BundledFashionSubset_HasTheCountedImagesAndLabels(Split split, int count, long[] perClass, long firstSum, long lastSum)
    {
        using var data = ImageDataset.Mnist(Folder, split, ImageDataset.FashionMnistClassNames);
        using var counts = data.Labels.bincount(null, minlength: 10);
        data.Images.shape.Should().Equal(count, 1, 28, 28);
        data.Count.Should().Be(count);
        data.ClassNames.Should().HaveCount(10);
        counts.data<long>().ToArray().Should().Equal(perClass);
        PixelSum(data, 0).Should().Be(firstSum);
        PixelSum(data, count - 1).Should().Be(lastSum);
        data.Labels[0].ToInt64().Should().Be(9);
    }

    [Fact]
    public void Files_BundledFashionSubset_StaySmallAndCarryTheirLicence()
    {
        Directory.GetFiles(Folder, "*.gz").Sum(file => new FileInfo(file).Length).Should().BeLessThan(6_000_000);
        File.ReadAllText(Path.Combine(Folder, "NOTICE.md")).Should().Contain("Copyright (c) 2017 Zalando SE").And.Contain("The MIT License");
    }

    private static string Folder => Path.Combine(AppContext.BaseDirectory, "Data", "fashion-mnist");

    private static long PixelSum(ImageDataset data, long index)
    {
        using var sum = data.Images[index].to(ScalarType.Int64).sum();
        return sum.ToInt64();
    }
}

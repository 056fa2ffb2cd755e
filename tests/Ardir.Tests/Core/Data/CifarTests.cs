using Ardir.Core;

namespace Ardir.Tests.Core.Data;

public sealed class CifarTests : IDisposable
{
    private const string FullFolder = "ARDIR_CIFAR10";

    // The first eight records of a training batch; labels and sums counted with Python, independently of the reader.
    private static readonly byte[] _records = File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, "Fixtures", "cifar10-train-first8.bin"));
    private static readonly long[] _labels = [9, 3, 7, 0, 9, 7, 7, 9];
    private static readonly long[] _sums = [398583, 350343, 262395, 392465, 370383, 450692, 360448, 447372];
    private static readonly long[] _redSums = [141964, 157041, 100217, 104618, 120588, 154568, 152690, 149124];

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("."), InlineData("cifar-10-batches-bin")]
    public void Cifar10_RealRecords_HaveTheirLabelsAndPixels(string inner)
    {
        Directory.CreateDirectory(_folder.File(inner));
        Write(Path.Combine(inner, "test_batch.bin"), _records);
        using var data = ImageDataset.Cifar10(_folder.Path, Split.Test);
        data.Images.shape.Should().Equal(8, 3, 32, 32);
        data.ClassNames[9].Should().Be("truck");
        TensorAssert.Longs(data.Labels).Should().Equal(_labels);
        for (var i = 0; i < 8; i++)
        {
            Sum(data.Images[i]).Should().Be(_sums[i]);
            Sum(data.Images[i, 0]).Should().Be(_redSums[i]);
        }
        // Red of row 0, columns 0 and 1, and of row 1, column 0; blue of the last pixel.
        long At(int n, int c, int h, int w) => data.Images[n, c, h, w].ToInt64();
        (At(0, 0, 0, 0), At(0, 0, 0, 1), At(0, 0, 1, 0), At(0, 2, 31, 31)).Should().Be((61, 62, 96, 174));
        data.Files.Should().ContainSingle().Which.Should().Match<DataFile>(file => file.Length == 8 * 3073 && !file.MatchesPublished);
        data.Subset([1]).Files.Should().Equal(data.Files);
    }

    [Fact]
    public void Cifar10_TrainingBatches_AreReadInOrderAndAllNeeded()
    {
        for (var i = 1; i <= 5; i++) Write($"data_batch_{i}.bin", [.. _records.Skip(3073 * i).Take(3073 * (i % 2 + 1))]);
        using var data = ImageDataset.Cifar10(_folder.Path, Split.Train);
        TensorAssert.Longs(data.Labels).Should().Equal(3, 7, 7, 0, 9, 9, 7, 7);
        data.Files.Select(file => Path.GetFileName(file.Path)).Should().Equal("data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin", "data_batch_5.bin");
        File.Delete(_folder.File("data_batch_3.bin"));
        File.Delete(_folder.File("data_batch_5.bin"));
        var missing = () => ImageDataset.Cifar10(_folder.Path, Split.Train);
        missing.Should().Throw<FileNotFoundException>().WithMessage("*lacks data_batch_3.bin, data_batch_5.bin*allowPartial*");
        using var partial = ImageDataset.Cifar10(_folder.Path, Split.Train, allowPartial: true);
        TensorAssert.Longs(partial.Labels).Should().Equal(3, 7, 7, 9);
        var none = () => ImageDataset.Cifar10(_folder.Path, Split.Test, allowPartial: true);
        none.Should().Throw<FileNotFoundException>().WithMessage("*test_batch.bin*");
    }

    [Fact]
    public void Cifar100_FineAndCoarse_TakeTheirOwnByte()
    {
        byte[] Record(byte coarse, byte fine, byte first) => [coarse, fine, first, .. new byte[3071]];
        Write("train.bin", [.. Record(4, 0, 17), .. Record(19, 99, 18), .. Record(14, 98, 19)]);
        using var fine = ImageDataset.Cifar100(_folder.Path, Split.Train);
        using var coarse = ImageDataset.Cifar100(_folder.Path, Split.Train, Cifar100Labels.Coarse);
        TensorAssert.Longs(fine.Labels).Should().Equal(0, 99, 98);
        TensorAssert.Longs(coarse.Labels).Should().Equal(4, 19, 14);
        fine.Images[.., 0, 0, 0].data<byte>().ToArray().Should().Equal(17, 18, 19);
        fine.ClassNames.Should().HaveCount(100).And.OnlyHaveUniqueItems().And.BeInAscendingOrder(StringComparer.Ordinal);
        coarse.ClassNames.Should().HaveCount(20).And.OnlyHaveUniqueItems();
        (fine.ClassNames[0], coarse.ClassNames[4]).Should().Be(("apple", "fruit_and_vegetables"));
        (fine.ClassNames[98], coarse.ClassNames[14]).Should().Be(("woman", "people"));
    }

    [Fact]
    public void Read_WrongSizesAndLabels_AreRefused()
    {
        foreach (var (file, message) in new (byte[], string)[]
        {
            ([], "*0 bytes*3073*"), (_records[..^1], "*truncated*"), ([.. _records, 0], "*multiple of 3073*"), ([10, .. _records.Skip(1)], "*label byte 0 of record 0 is 10*0 to 9*"),
        })
        {
            Write("test_batch.bin", file);
            var read = () => ImageDataset.Cifar10(_folder.Path, Split.Test);
            read.Should().Throw<DataFormatException>().WithMessage(message).WithMessage("*test_batch.bin*");
        }
        foreach (var (coarse, fine, message) in new[] { (20, 0, "*label byte 0*0 to 19*"), (0, 100, "*label byte 1*0 to 99*") })
        {
            Write("test.bin", [(byte)coarse, (byte)fine, .. new byte[3072]]);
            var read = () => ImageDataset.Cifar100(_folder.Path, Split.Test);
            read.Should().Throw<DataFormatException>().WithMessage(message);
        }
        var extra = () => ImageDataset.Cifar10(_folder.Path, Split.Extra);
        extra.Should().Throw<ArgumentOutOfRangeException>().WithParameterName("split");
        var labels = () => ImageDataset.Cifar100(_folder.Path, Split.Test, (Cifar100Labels)2);
        labels.Should().Throw<ArgumentOutOfRangeException>().WithParameterName("labels");
        var gone = () => ImageDataset.Cifar100(_folder.Path, Split.Train);
        gone.Should().Throw<FileNotFoundException>().WithMessage("*train.bin*");
    }

    [Fact]
    public void Files_KnownChecksum_IsNamed()
    {
        PublishedFiles.Find("803d5f7f4d78ea53de84dbe85f74fb6d").Should().Be("CIFAR-10 test_batch.bin");
        Write("x", "abc"u8.ToArray());
        using var file = new HashedFile(_folder.File("x"));
        file.Describe().Should().Be(new DataFile { Path = _folder.File("x"), Length = 3, Md5 = "900150983cd24fb0d6963f7d28e17f72" });
    }

    [FolderFact(FullFolder)]
    public void Cifar10_FullFiles_AreBalancedAndComplete()
    {
        var folder = Environment.GetEnvironmentVariable(FullFolder)!;
        using var train = ImageDataset.Cifar10(folder, Split.Train, allowPartial: true);
        using var test = ImageDataset.Cifar10(folder, Split.Test);
        (train.Count % 10_000).Should().Be(0);
        using var counts = test.Labels.bincount(null, minlength: 10);
        counts.data<long>().ToArray().Should().OnlyContain(count => count == test.Count / 10);
        using var pixels = test.Images.to(ScalarType.Float64).mean([0, 2, 3]);
        TensorAssert.Close(pixels / 255, [0.494, 0.485, 0.450], 0.02);
    }

    private void Write(string name, byte[] content) => File.WriteAllBytes(_folder.File(name), content);

    private static long Sum(Tensor pixels)
    {
        using var sum = pixels.to(ScalarType.Int64).sum();
        return sum.ToInt64();
    }
}

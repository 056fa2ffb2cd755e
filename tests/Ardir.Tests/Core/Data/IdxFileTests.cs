using System.Buffers.Binary;
using System.IO.Compression;
using Ardir.Core;

namespace Ardir.Tests;

public sealed class IdxFileTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("ardir-idx").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData("", false)]
    [InlineData(".gz", true)]
    [InlineData("", true)]
    public void Mnist_ValidFiles_ReadsPixelsAndLabels(string suffix, bool zipped)
    {
        Write("train-images-idx3-ubyte" + suffix, Idx([2, 2, 3], Bytes(12)), zipped);
        Write("train-labels-idx1-ubyte" + suffix, Idx([2], [7, 1]), zipped);
        using var data = ImageDataset.Mnist(_folder, Split.Train);
        data.Images.shape.Should().Equal(2, 1, 2, 3);
        data.Images.data<byte>().ToArray().Should().Equal(Bytes(12));
        TensorAssert.Longs(data.Labels).Should().Equal(7, 1);
    }

    [Fact]
    public void Mnist_TestSplitWithNames_ReadsTheOtherFiles()
    {
        Write("t10k-images-idx3-ubyte", Idx([1, 2, 2], Bytes(4)));
        Write("t10k-labels-idx1-ubyte", Idx([1], [9]));
        using var data = ImageDataset.Mnist(_folder, Split.Test, ImageDataset.FashionMnistClassNames);
        data.ClassNames[9].Should().Be("Ankle boot");
        data.ClassNames.Should().HaveCount(10);
        var few = () => ImageDataset.Mnist(_folder, Split.Test, ["a", "b"]);
        few.Should().Throw<DataFormatException>().WithMessage("*label is 9*2 class names*");
    }

    [Fact]
    public void Mnist_MissingFile_SaysWhichAndWhere()
    {
        var act = () => ImageDataset.Mnist(_folder, Split.Train);
        act.Should().Throw<FileNotFoundException>().WithMessage($"*train-images-idx3-ubyte*{_folder}*");
    }

    [Fact]
    public void Mnist_CountsDiffer_Refused()
    {
        Write("train-images-idx3-ubyte", Idx([2, 2, 2], Bytes(8)));
        Write("train-labels-idx1-ubyte", Idx([3], [0, 1, 2]));
        var act = () => ImageDataset.Mnist(_folder, Split.Train);
        act.Should().Throw<DataFormatException>().WithMessage("*2 images but 3 labels*");
    }

    [Fact]
    public void Mnist_NoImages_Refused()
    {
        Write("train-images-idx3-ubyte", Idx([0, 2, 2], []));
        Write("train-labels-idx1-ubyte", Idx([0], []));
        var act = () => ImageDataset.Mnist(_folder, Split.Train);
        act.Should().Throw<DataFormatException>().WithMessage("*no images*");
    }

    [Fact]
    public void Read_DamagedFiles_AreRefusedWithThePath()
    {
        var good = Idx([2, 2, 2], Bytes(8));
        var table = new (string Case, byte[] Content)[]
        {
            ("empty", []),
            ("only a magic", good[..4]),
            ("half a header", good[..10]),
            ("truncated data", good[..^1]),
            ("too long", [.. good, 0]),
            ("wrong type code", [0, 0, 0x0D, 3, .. good[4..]]),
            ("wrong dimensions", Idx([8], Bytes(8))),
            ("not idx", "PNG and so on, long enough to hold a header"u8.ToArray()),
            ("absurd size", Idx([-1, 28, 28], Bytes(8))),
            ("absurd product", Idx([40000, 40000, 40000], Bytes(8))),
            ("product past 2^64", Idx([1 << 30, 1 << 30, 1 << 30], Bytes(8))),
            ("zero times absurd", Idx([0, -1, -1], [])),
            ("lies about its size", Idx([1 << 10, 1 << 10, 1 << 10], Bytes(8))),
        };
        foreach (var (name, content) in table)
        {
            foreach (var zipped in new[] { false, true })
            {
                var path = Write("file", content, zipped);
                var act = () => IdxFile.Read(path, 3);
                act.Should().Throw<DataFormatException>(name).WithMessage($"*{path}*", name);
            }
        }
    }

    [Fact]
    public void Read_GzipCutShort_IsRefused()
    {
        var random = new byte[4000];
        new Random(1).NextBytes(random);
        var path = Write("file.gz", Idx([10, 20, 20], random), zipped: true);
        var whole = File.ReadAllBytes(path);
        IdxFile.Read(path, 3).Data.Should().Equal(random);
        foreach (var length in new[] { 2, 12, 40, whole.Length / 2, whole.Length - 20 })
        {
            File.WriteAllBytes(path, whole[..length]);
            var act = () => IdxFile.Read(path, 3);
            act.Should().Throw<DataFormatException>($"{length} of {whole.Length} bytes are left");
        }
        whole[whole.Length / 2] ^= 0xFF;
        File.WriteAllBytes(path, whole);
        var damaged = () => IdxFile.Read(path, 3);
        damaged.Should().Throw<DataFormatException>();
    }

    [Fact]
    public void Read_MoreThanOneChunk_ReadsEverything()
    {
        var data = new byte[(3 << 20) + 5];
        new Random(2).NextBytes(data);
        var (read, shape, _) = IdxFile.Read(Write("file", Idx([data.Length], data)), 1);
        read.AsSpan().SequenceEqual(data).Should().BeTrue();
        shape.Should().Equal(data.Length);
    }

    [Fact]
    public void Read_HeaderThatLies_AllocatesLittle()
    {
        var path = Write("file", Idx([1 << 30], Bytes(8)));
        var before = GC.GetAllocatedBytesForCurrentThread();
        var act = () => IdxFile.Read(path, 1);
        act.Should().Throw<DataFormatException>();
        (GC.GetAllocatedBytesForCurrentThread() - before).Should().BeLessThan(16 << 20);
    }

    private string Write(string name, byte[] content, bool zipped = false)
    {
        var path = Path.Combine(_folder, name);
        using var file = File.Create(path);
        using Stream stream = zipped ? new GZipStream(file, CompressionLevel.Fastest) : file;
        stream.Write(content);
        return path;
    }

    private static byte[] Idx(int[] sizes, byte[] data)
    {
        var header = new byte[4 + 4 * sizes.Length];
        header[2] = 0x08;
        header[3] = (byte)sizes.Length;
        for (var i = 0; i < sizes.Length; i++) BinaryPrimitives.WriteInt32BigEndian(header.AsSpan(4 + 4 * i), sizes[i]);
        return [.. header, .. data];
    }

    private static byte[] Bytes(int count) => [.. Enumerable.Range(1, count).Select(i => (byte)(i * 20))];
}

using System.Security.Cryptography;
using Ardir.Core;

namespace Ardir.Tests.Core.Data;

public sealed class HashedFileTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void EveryDataSet_NamesTheChecksumsOfItsFiles()
    {
        byte[] images = [0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 3, .. new byte[18]], labels = [0, 0, 8, 1, 0, 0, 0, 2, 1, 0];
        Write("train-images-idx3-ubyte", images);
        Write("train-labels-idx1-ubyte", labels);
        Write("t10k-images-idx3-ubyte.gz", HostileData.Gzip(images));
        Write("t10k-labels-idx1-ubyte.gz", HostileData.Gzip(labels));
        for (var i = 1; i <= 5; i++) Write($"data_batch_{i}.bin", [(byte)i, .. new byte[3072]]);
        Write("test.bin", [.. Enumerable.Repeat(new byte[3074], 300).SelectMany(record => record)]);
        var mat = new MatBytes();
        var (x, y) = (mat.Matrix("X", 9, [32, 32, 3, 2], 2, new byte[6144]), mat.Matrix("y", 6, [2, 1], 2, [7, 10], small: true));
        Write("test_32x32.mat", mat.Add(mat.Matrix("other", 9, [100, 100], 2, new byte[10_000])).Add(x).Add(y).File);
        // Bytes behind the end of a compressed stream, which its decoder never asks for.
        var packed = new MatBytes().AddCompressed(x).File[136..];
        Write("train_32x32.mat", new MatBytes().Add([.. mat.Word(15), .. mat.Word((uint)packed.Length + 9), .. packed, .. new byte[9]]).AddCompressed(y).File);

        foreach (var (open, names) in new (Func<ImageDataset> Open, string[] Names)[]
        {
            (() => ImageDataset.Mnist(_folder.Path, Split.Train), ["train-images-idx3-ubyte", "train-labels-idx1-ubyte"]),
            (() => ImageDataset.Mnist(_folder.Path, Split.Test), ["t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz"]),
            (() => ImageDataset.Cifar10(_folder.Path, Split.Train), [.. Enumerable.Range(1, 5).Select(i => $"data_batch_{i}.bin")]),
            (() => ImageDataset.Cifar100(_folder.Path, Split.Test), ["test.bin"]),
            (() => ImageDataset.Svhn(_folder.Path, Split.Test), ["test_32x32.mat"]),
            (() => ImageDataset.Svhn(_folder.Path, Split.Train), ["train_32x32.mat"]),
        })
        {
            using var data = open();
            data.Files.Should().Equal(names.Select(name => new DataFile { Path = _folder.File(name), Length = new FileInfo(_folder.File(name)).Length, Md5 = Md5(name) }));
        }
    }

    [Fact]
    public void Describe_AfterAPartAndAPeek_IsOfTheWholeFile()
    {
        Write("x", [.. Enumerable.Range(0, 100_000).Select(i => (byte)i)]);
        using var file = new HashedFile(_folder.File("x"));
        var bytes = new byte[300];
        file.Peek(bytes).Should().Be(300);
        file.ReadExactly(bytes);
        bytes[299].Should().Be(43);
        file.Position.Should().Be(300);
        file.Describe().Should().Be(new DataFile { Path = _folder.File("x"), Length = 100_000, Md5 = Md5("x") });
    }

    private void Write(string name, byte[] content) => File.WriteAllBytes(_folder.File(name), content);

#pragma warning disable CA5351 // what data sets are published with
    private string Md5(string name) => Convert.ToHexStringLower(MD5.HashData(File.ReadAllBytes(_folder.File(name))));
#pragma warning restore CA5351
}

using System.Buffers.Binary;
using System.IO.Compression;
using Ardir.Core;

namespace Ardir.Tests.Core.Data;

/// <summary>Files with flipped, cut, repeated and overwritten bytes: a reader reads them or says what is wrong, and takes no memory that the file does not justify.</summary>
public sealed class HostileFileTests : IDisposable
{
    private const int Mutations = 2_000;
    private const long MemoryCap = 64 << 20;

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("stored"), InlineData("compressed"), InlineData("big-endian")]
    public void Svhn_MutatedFiles_GiveDataOrDataFormatException(string form)
    {
        var mat = new MatBytes(form == "big-endian");
        var x = mat.Matrix("X", 9, [32, 32, 3, 2], 2, [.. Enumerable.Range(0, 6144).Select(i => (byte)(i * 7))]);
        var y = mat.Matrix("y", 6, [2, 1], 2, [7, 10], small: true);
        var file = form == "compressed" ? mat.AddCompressed(x).AddCompressed(y).File : mat.Add(x).Add(y).File;
        // Most of a stored file is pixels, which may hold anything: aim at what surrounds them.
        int[] aim = form == "compressed" ? [] : [.. Enumerable.Range(110, 90), .. Enumerable.Range(file.Length - 70, 70)];
        Mutate("train_32x32.mat", file, aim, () => ImageDataset.Svhn(_folder.Path, Split.Train));
    }

    [Fact]
    public void Cifar10_MutatedFiles_GiveDataOrDataFormatException() =>
        Mutate("test_batch.bin", [3, .. new byte[3072], 5, .. new byte[3072]], [0, 3073], () => ImageDataset.Cifar10(_folder.Path, Split.Test));

    [Fact]
    public void Cifar100_MutatedFiles_GiveDataOrDataFormatException() =>
        Mutate("test.bin", [3, 50, .. new byte[3072]], [0, 1], () => ImageDataset.Cifar100(_folder.Path, Split.Test));

    [Theory]
    [InlineData(false), InlineData(true)]
    public void Mnist_MutatedFiles_GiveDataOrDataFormatException(bool zipped)
    {
        byte[] images = [0, 0, 8, 3, 0, 0, 0, 4, 0, 0, 0, 5, 0, 0, 0, 5, .. Enumerable.Range(0, 100).Select(i => (byte)i)];
        File.WriteAllBytes(_folder.File("t10k-labels-idx1-ubyte"), [0, 0, 8, 1, 0, 0, 0, 4, 1, 2, 3, 4]);
        Mutate("t10k-images-idx3-ubyte", zipped ? Gzip(images) : images, zipped ? [] : [.. Enumerable.Range(0, 16)], () => ImageDataset.Mnist(_folder.Path, Split.Test));
    }

    [Fact]
    public void Svhn_CompressedElementOfZeros_IsCappedByItsTag()
    {
        // 200 MB of zeros in 200 KB, whose tag admits to 64 bytes of them.
        var mat = new MatBytes();
        using var packed = new MemoryStream();
        using (var zlib = new ZLibStream(packed, CompressionLevel.Optimal, leaveOpen: true))
        {
            zlib.Write([.. mat.Word(14), .. mat.Word(64)]);
            var zeros = new byte[1 << 20];
            for (var i = 0; i < 200; i++) zlib.Write(zeros);
        }
        File.WriteAllBytes(_folder.File("train_32x32.mat"), mat.Add([.. mat.Word(15), .. mat.Word((uint)packed.Length), .. packed.ToArray()]).File);
        var before = GC.GetAllocatedBytesForCurrentThread();
        var read = () => ImageDataset.Svhn(_folder.Path, Split.Train);
        read.Should().Throw<DataFormatException>();
        (GC.GetAllocatedBytesForCurrentThread() - before).Should().BeLessThan(8 << 20);
    }

    private void Mutate(string name, byte[] file, int[] aim, Func<ImageDataset> read)
    {
        var random = new Random(name.Length);
        var (accepted, refused) = (0, 0);
        File.WriteAllBytes(_folder.File(name), file);
        read().Dispose();
        for (var round = 0; round < Mutations; round++)
        {
            var bytes = Mutant(file, aim, random);
            File.WriteAllBytes(_folder.File(name), bytes);
            var before = GC.GetAllocatedBytesForCurrentThread();
            try
            {
                using var data = read();
                data.Images.numel().Should().BeLessThan(MemoryCap);
                accepted++;
            }
            catch (DataFormatException e)
            {
                e.Message.Should().NotBeNullOrEmpty();
                refused++;
            }
            (GC.GetAllocatedBytesForCurrentThread() - before).Should().BeLessThan(MemoryCap, "round {0} of {1}", round, name);
        }
        refused.Should().BeGreaterThan(Mutations / 20, "most damage is visible");
        (accepted + refused).Should().Be(Mutations);
    }

    private static byte[] Mutant(byte[] file, int[] aim, Random random)
    {
        var bytes = (byte[])file.Clone();
        int Where() => aim.Length > 0 && random.Next(4) > 0 ? aim[random.Next(aim.Length)] : random.Next(bytes.Length);
        for (var change = random.Next(1, 4); change > 0; change--)
        {
            switch (random.Next(7))
            {
                case 0: bytes[Where()] ^= (byte)(1 << random.Next(8)); break;
                case 1: bytes[Where()] = (byte)random.Next(256); break;
                case 2: bytes[Where()] = 0xFF; break;
                case 3: Array.Clear(bytes, Math.Min(Where(), bytes.Length - 4), 4); break;
                case 4: BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(Math.Min(Where(), bytes.Length - 4)), random.Next(3) switch { 0 => int.MaxValue, 1 => -1, _ => random.Next(100_000) }); break;
                case 5: bytes = bytes[..Math.Max(8, Where())]; return bytes;
                default: var at = Where(); bytes = [.. bytes[..at], .. bytes[at..Math.Min(bytes.Length, at + 8)], .. bytes[at..]]; break;
            }
        }
        return bytes;
    }

    private static byte[] Gzip(byte[] content)
    {
        using var packed = new MemoryStream();
        using (var gzip = new GZipStream(packed, CompressionLevel.Optimal, leaveOpen: true)) gzip.Write(content);
        return packed.ToArray();
    }
}

using System.IO.Compression;
using Ardir.Core;

namespace Ardir.Tests.Core.Data;

/// <summary>Damaged and hostile files: a reader reads them or says what is wrong, and takes no memory that the file does not justify.</summary>
public sealed class HostileFileTests : IDisposable
{
    private const int Inputs = 300;
    private const long MemoryCap = 64 << 20;

    private readonly TemporaryFolder _folder = new();

    public static TheoryData<string> Readers
    {
        get
        {
            using var folder = new TemporaryFolder();
            return new(FuzzTargets.All(Goldens, folder.Path).Select(target => target.Name));
        }
    }

    private static string Goldens => Path.Combine(AppContext.BaseDirectory, "Goldens");

    public void Dispose() => _folder.Dispose();

    [Theory, MemberData(nameof(Readers))]
    public void Read_HostileFiles_GivesDataOrItsOwnException(string reader)
    {
        var target = FuzzTargets.All(Goldens, _folder.Path).Single(target => target.Name == reader);
        target.Read(target.Pack?.Invoke(target.Valid[0]) ?? target.Valid[0]);
        var fuzzer = new Fuzzer(target, seed: 11);
        LeakAssert.None(() =>
        {
            for (var i = 0; i < Inputs; i++)
                if (fuzzer.Feed(i) is { } problem) Assert.Fail($"Input {i} of '{reader}': {problem}");
        }, runs: 1);
        fuzzer.Refused.Should().BeGreaterThan(Inputs / 20, "most damage is visible");
        fuzzer.Read.Should().BePositive("some changes do no harm");
        fuzzer.MostBytes.Should().BeLessThan(MemoryCap);
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

    [Fact]
    public void MuchOutOfLittle_IsRefusedByItsSize()
    {
        // 200 MB of zeros each, in 200 KB.
        const int Count = 65_000;
        byte[] dimensions = [0, 0, 8, 3, 0, 0, Count >> 8, Count & 255, 0, 0, 0, 56, 0, 0, 0, 56];
        File.WriteAllBytes(_folder.File("t10k-images-idx3-ubyte"), HostileData.Gzip([.. dimensions, .. new byte[Count * 3136]]));
        File.WriteAllBytes(_folder.File("t10k-labels-idx1-ubyte"), [0, 0, 8, 1, 0, 0, 0, 0]);
        var mat = new MatBytes();
        File.WriteAllBytes(_folder.File("train_32x32.mat"), mat.AddCompressed(mat.Matrix("X", 9, [32, 32, 3, Count], 2, new byte[Count * 3072])).File);
        var before = GC.GetAllocatedBytesForCurrentThread();
        FluentActions.Invoking(() => ImageDataset.Mnist(_folder.Path, Split.Test)).Should().Throw<DataFormatException>().WithMessage("*declares more than*");
        FluentActions.Invoking(() => ImageDataset.Svhn(_folder.Path, Split.Train)).Should().Throw<DataFormatException>().WithMessage("*claim to hold*");
        (GC.GetAllocatedBytesForCurrentThread() - before).Should().BeLessThan(8 << 20);
    }
}

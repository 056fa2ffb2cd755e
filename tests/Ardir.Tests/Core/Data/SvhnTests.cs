using Ardir.Core;

namespace Ardir.Tests.Core.Data;

public sealed class SvhnTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(false, false), InlineData(false, true), InlineData(true, false), InlineData(true, true)]
    public void Svhn_StoredOrCompressedInEitherByteOrder_ReadsUprightImages(bool bigEndian, bool compressed)
    {
        var mat = new MatBytes(bigEndian);
        var x = mat.Matrix("X", 9, [32, 32, 3, 3], 2, Pixels(3));
        var y = mat.Matrix("y", 6, [3, 1], 9, mat.Numbers(9, 7, 10, 1));
        using var data = Read(compressed ? mat.AddCompressed(x).AddCompressed(y).File : mat.Add(x).Add(y).File);
        Check(data, [7, 0, 1]);
        data.ClassNames.Should().Equal("0", "1", "2", "3", "4", "5", "6", "7", "8", "9");
        data.Files.Should().ContainSingle().Which.MatchesPublished.Should().BeFalse();
    }

    [Theory]
    [InlineData(1), InlineData(2), InlineData(3), InlineData(4), InlineData(5), InlineData(6), InlineData(7), InlineData(9), InlineData(12), InlineData(13)]
    public void Svhn_LabelsInAnyStorageType_AreTheSameDigits(int type)
    {
        foreach (var bigEndian in new[] { false, true })
        {
            var mat = new MatBytes(bigEndian);
            // A double array stored narrower, and labels before images.
            mat.Add(mat.Matrix("y", 6, [3, 1], type, mat.Numbers(type, 7, 10, 1))).Add(mat.Matrix("X", 9, [32, 32, 3, 3], 2, Pixels(3)));
            using var data = Read(mat.File);
            Check(data, [7, 0, 1]);
        }
    }

    [Theory]
    [InlineData(false), InlineData(true)]
    public void Svhn_SmallElements_AreRead(bool bigEndian)
    {
        var mat = new MatBytes(bigEndian);
        mat.AddCompressed(mat.Matrix("X", 9, [32, 32, 3, 3], 2, Pixels(3), small: true)).Add(mat.Matrix("y", 9, [3, 1], 2, [7, 10, 1], small: true));
        using var data = Read(mat.File);
        Check(data, [7, 0, 1]);
    }

    [Fact]
    public void Svhn_WidePixelsOneImageAndOtherVariables_AreRead()
    {
        var mat = new MatBytes();
        var values = Pixels(1).Select(pixel => (double)pixel).ToArray();
        mat.Add(mat.Element(2, [1, 2, 3]))                                                   // no matrix: passed over
            .Add(mat.Matrix("note", 4, [1, 2], 16, "hi"u8.ToArray()))                         // text
            .Add(mat.Element(14, [])).AddCompressed(mat.Matrix("cell", 1, [1, 1], 14, []))
            .Add(mat.Element(14, [.. mat.Element(6, [.. mat.Word(17), .. mat.Word(0)]), 9, 9, 9, 9]))   // an opaque object
            .AddCompressed(mat.Matrix("X", 6, [32, 32, 3], 9, mat.Numbers(9, values))).AddCompressed(mat.Matrix("y", 12, [1, 1], 5, mat.Numbers(5, 7)));
        using var data = Read(mat.File);
        Check(data, [7]);
    }

    [Fact]
    public void Svhn_MoreImagesThanOneChunk_AreAllThere()
    {
        var mat = new MatBytes();
        mat.AddCompressed(mat.Matrix("X", 9, [32, 32, 3, 600], 2, Pixels(600))).AddCompressed(mat.Matrix("y", 9, [600, 1], 2, [.. Enumerable.Range(0, 600).Select(i => (byte)(1 + i % 10))]));
        File.WriteAllBytes(_folder.File("extra_32x32.mat"), mat.File);
        using var data = ImageDataset.Svhn(_folder.Path, Split.Extra);
        Check(data, [.. Enumerable.Range(0, 600).Select(i => (long)((1 + i % 10) % 10))]);
    }

    [Fact]
    public void Svhn_LargeFile_IsStreamedIntoNativeMemory()
    {
        const int Count = 4_000;   // 12 MB of pixels
        var mat = new MatBytes();
        mat.AddCompressed(mat.Matrix("X", 9, [32, 32, 3, Count], 2, new byte[Count * 3072])).AddCompressed(mat.Matrix("y", 9, [Count, 1], 2, [.. Enumerable.Repeat((byte)10, Count)]));
        File.WriteAllBytes(_folder.File("train_32x32.mat"), mat.File);
        var before = GC.GetAllocatedBytesForCurrentThread();
        using var data = ImageDataset.Svhn(_folder.Path, Split.Train);
        (GC.GetAllocatedBytesForCurrentThread() - before).Should().BeLessThan(2 << 20, "only a chunk and the labels are managed");
        data.Count.Should().Be(Count);
        data.ClassNames[(int)data.Labels[0].ToInt64()].Should().Be("0");
    }

    [Fact]
    public void Svhn_WrongContent_IsRefusedWithAReason()
    {
        var mat = new MatBytes();
        var x = mat.Matrix("X", 9, [32, 32, 3, 3], 2, Pixels(3));
        var y = mat.Matrix("y", 9, [3, 1], 2, [1, 2, 3]);
        var table = new (byte[] File, string Message)[]
        {
            ([], "*MATLAB 5.0*"), (MatBytes.Header()[..100], "*MATLAB 5.0*"), (MatBytes.Header(text: "MATLAB 7.3 MAT-file"), "*HDF5*-v7*"),
            ([.. MatBytes.Header()[..126], (byte)'X', (byte)'X'], "*byte order*5858*"), ([.. MatBytes.Header()[..124], 0, 2, (byte)'I', (byte)'M'], "*version 0200*"),
            (MatBytes.Header(), "*no variable X*"), (new MatBytes().Add(x).File, "*no variable y*"), (new MatBytes().Add(y).File, "*no variable X*"),
            (new MatBytes().Add(x).Add(x).Add(y).File, "*X twice*"), (new MatBytes().Add(x).Add(mat.Matrix("y", 9, [2, 1], 2, [1, 2])).File, "*3 images but 2 labels*"),
            (new MatBytes().Add(x).Add(mat.Matrix("y", 9, [3, 1], 2, [1, 0, 3])).File, "*label 1 is 0*10 means*"), (new MatBytes().Add(x).Add(mat.Matrix("y", 9, [3, 1], 2, [1, 11, 3])).File, "*label 1 is 11*"),
            (new MatBytes().Add(mat.Matrix("y", 6, [3, 1], 9, mat.Numbers(9, 1, 2.5, 3))).File, "*2.5*whole numbers*"), (new MatBytes().Add(mat.Matrix("y", 6, [3, 1], 9, mat.Numbers(9, 1, double.NaN, 3))).File, "*NaN*"),
            (new MatBytes().Add(mat.Matrix("y", 8, [3, 1], 1, mat.Numbers(1, 1, -1, 3))).File, "*-1*"),
            (new MatBytes().Add(mat.Matrix("y", 9, [3, 2], 2, [1, 2, 3, 4, 5, 6])).File, "*3x2*Nx1*"), (new MatBytes().Add(mat.Matrix("X", 9, [32, 32, 1, 3], 2, new byte[3072])).File, "*32x32x1x3*32x32x3xN*"),
            (new MatBytes().Add(mat.Matrix("X", 9, [32, 32, 3, 0], 2, [])).File, "*32x32x3x0*"), (new MatBytes().Add(mat.Matrix("X", 9, [32, 32, 3, -1], 2, [])).File, "*negative*"),
            (new MatBytes().Add(mat.Matrix("X", 9, [1 << 20, 1 << 20, 1 << 20, 1 << 20], 2, [])).File, "*too large*"), (new MatBytes().Add(mat.Matrix("X", 9, [32, 32, 3, 3], 2, new byte[9000])).File, "*9000 bytes*9216*"),
            (new MatBytes().Add(mat.Matrix("X", 1, [1, 1], 14, [])).File, "*X is a cell array*numeric*"), (new MatBytes().Add(mat.Matrix("X", 2, [1, 1], 14, [])).File, "*structure*"),
            (new MatBytes().Add(mat.Matrix("X", 5, [1, 1], 2, [])).File, "*sparse*"), (new MatBytes().Add(mat.Matrix("y", 4, [1, 1], 16, [65])).File, "*text*"),
            (new MatBytes().Add(mat.Matrix("y", 6, [1, 1], 9, mat.Numbers(9, 1), flags: 0x0800)).File, "*complex*"), (new MatBytes().Add(mat.Matrix("y", 6, [1, 1], 16, [1])).File, "*type 16*"),
            (new MatBytes().Add(x).Add(y).File[..^8], "*truncated*"), (new MatBytes().AddCompressed(x).File[..^20], "*truncated*"),
            ([.. new MatBytes().Add(x).File, 1, 2, 3], "*damaged*"), (new MatBytes().AddCompressed([.. x, 0]).File, "*more than its tag*"),
            (new MatBytes().AddCompressed(mat.Word(15).Concat(mat.Word(0)).ToArray()).File, "*holds another*"),
            // A tag that claims four gigabytes for a few compressed bytes.
            (new MatBytes().AddCompressed([.. mat.Word(14), .. mat.Word(uint.MaxValue)]).File, "*claim to hold 4294967295*"),
        };
        foreach (var (file, message) in table)
        {
            var read = () => Read(file);
            read.Should().Throw<DataFormatException>(message).WithMessage(message).WithMessage("*train_32x32.mat*");
        }
        var missing = () => ImageDataset.Svhn(_folder.Path, Split.Test);
        missing.Should().Throw<FileNotFoundException>().WithMessage("*test_32x32.mat*");
        var split = () => ImageDataset.Svhn(_folder.Path, (Split)7);
        split.Should().Throw<ArgumentOutOfRangeException>().WithParameterName("split");
    }

    private ImageDataset Read(byte[] file)
    {
        File.WriteAllBytes(_folder.File("train_32x32.mat"), file);
        return ImageDataset.Svhn(_folder.Path, Split.Train);
    }

    // A "7" drawn at (row, column): a bar along the top and one down the right, so that a transposed or mirrored digit shows. In MATLAB's order.
    private static byte[] Pixels(int count)
    {
        var raw = new byte[count * 3072];
        for (var n = 0; n < count; n++)
            for (var c = 0; c < 3; c++)
                for (var w = 0; w < 32; w++)
                    for (var h = 0; h < 32; h++) raw[n * 3072 + c * 1024 + w * 32 + h] = Pixel(n, c, h, w);
        return raw;
    }

    private static byte Pixel(int n, int c, int h, int w) => (h < 4 && w > 5) || (w > 26 && h < 30) ? (byte)(200 + c + n % 50) : (byte)(h + 2 * (w % 16));

    private static void Check(ImageDataset data, long[] labels)
    {
        TensorAssert.Longs(data.Labels).Should().Equal(labels);
        data.Images.shape.Should().Equal(labels.Length, 3, 32, 32);
        var pixels = data.Images.data<byte>().ToArray();
        for (var i = 0; i < pixels.Length; i++)
            if (pixels[i] != Pixel(i / 3072, i / 1024 % 3, i / 32 % 32, i % 32)) Assert.Fail($"Pixel {i} is {pixels[i]}, expected {Pixel(i / 3072, i / 1024 % 3, i / 32 % 32, i % 32)}.");
    }
}

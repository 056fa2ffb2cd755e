using Ardir.Core;

namespace Ardir.Tests.Core.Data;

/// <summary>Folders, labels and lifetimes as they occur, rather than as they should be.</summary>
public sealed class OddDataTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void ImageFolder_LinksInACircle_ShowEachPictureOnce()
    {
        if (OperatingSystem.IsWindows()) return;   // links need a privilege there
        Picture("a/x.png");
        Picture("a/deep/y.png");
        Picture("elsewhere/more/z.png");
        Directory.Move(_folder.File("elsewhere"), _folder.Path + "-elsewhere");
        try
        {
            Directory.CreateSymbolicLink(_folder.File("a/self"), ".");
            Directory.CreateSymbolicLink(_folder.File("a/deep/up"), "../..");
            Directory.CreateSymbolicLink(_folder.File("a/other"), _folder.Path + "-elsewhere");
            using var data = ImageDataset.ImageFolder(_folder.Path);
            data.Files.Select(file => Path.GetRelativePath(_folder.Path, file.Path)).Should().Equal("a/deep/y.png", "a/other/more/z.png", "a/x.png");
        }
        finally
        {
            Directory.Delete(_folder.Path + "-elsewhere", recursive: true);
        }
    }

    // The same circle, reached through a link above the data set: resolved and unresolved paths are different texts for one folder.
    [Fact]
    public void ImageFolder_BelowALink_ShowsEachPictureOnce()
    {
        if (OperatingSystem.IsWindows()) return;   // links need a privilege there
        Picture("data/a/deep/y.png");
        Directory.CreateSymbolicLink(_folder.File("link"), "data");
        Directory.CreateSymbolicLink(_folder.File("data/a/deep/up"), _folder.File("data/a"));
        using var data = ImageDataset.ImageFolder(_folder.File("link"));
        data.Files.Select(file => Path.GetRelativePath(_folder.Path, file.Path)).Should().Equal("link/a/deep/y.png");
        RealPath.Of(_folder.File("link/a/deep/up")).Should().Be(RealPath.Of(_folder.File("data/a")));
        Directory.CreateSymbolicLink(_folder.File("data/a/round"), "round");
        FluentActions.Invoking(() => RealPath.Of(_folder.File("data/a/round"))).Should().Throw<IOException>();
    }

    [Fact]
    public void ImageFolder_HiddenFilesAndFolders_ArePassedOver()
    {
        Picture("a/x.png");
        Directory.CreateDirectory(_folder.File(".git"));
        Directory.CreateDirectory(_folder.File("a/.ipynb_checkpoints"));
        File.WriteAllText(_folder.File("a/.ipynb_checkpoints/x.png"), "no picture");
        File.WriteAllBytes(_folder.File("a/._x.png"), [0, 5, 22, 7]);
        using var data = ImageDataset.ImageFolder(_folder.Path);
        data.ClassNames.Should().Equal("a");
        data.Count.Should().Be(1);
    }

    [Theory]
    [InlineData(int.MaxValue, 3), InlineData(100_000, 100_000)]
    public void ImageFolder_AbsurdSize_IsRefusedBeforeAnythingIsRead(int height, int width)
    {
        Picture("a/x.png");
        var read = () => ImageDataset.ImageFolder(_folder.Path, new ImageFolderOptions { Height = height, Width = width });
        read.Should().Throw<ArgumentOutOfRangeException>().WithParameterName("Height").WithMessage($"*{(long)height * width} pixels*");
    }

    [Fact]
    public void ImageDataset_LabelsThatAreNoClasses_AreRefused()
    {
        using var scope = NewDisposeScope();
        foreach (var label in new[] { 1L << 20, int.MaxValue, 3_000_000_000, long.MaxValue })
        {
            var make = () => new ImageDataset(zeros(1, 1, 2, 2, dtype: ScalarType.Byte), full(1, label, ScalarType.Int64));
            make.Should().Throw<ArgumentException>().WithParameterName("labels").WithMessage($"*{label}*");
        }
        var unnamed = () => new ImageDataset(zeros(1, 1, 2, 2, dtype: ScalarType.Byte), zeros(1, dtype: ScalarType.Int64), [null!]);
        unnamed.Should().Throw<ArgumentException>().WithParameterName("classNames");
    }

    [Fact]
    public void ImageDataset_AfterDispose_SaysSo()
    {
        var data = Data();
        var batches = new ImageBatches(data, new ImageBatchOptions { BatchSize = 2 });
        using var kept = data.Subset([1]);
        var seen = 0;
        var enumerate = () =>
        {
            foreach (var _ in batches.Epoch(0))
            {
                seen++;
                data.Dispose();
            }
        };
        enumerate.Should().Throw<ObjectDisposedException>();
        seen.Should().Be(1);
        foreach (var use in new Action[] { () => data.To(CPU), () => _ = data.Count, () => _ = data.Device, () => data.Batch([0]), () => data.Take(1), () => data.Subset([0]), () => _ = new ImageBatches(data).Count })
            use.Should().Throw<ObjectDisposedException>();
        data.Dispose();
        kept.Images.data<byte>().ToArray().Should().Equal(4, 5, 6, 7);
    }

    [Fact]
    public void Batch_OfWholeNumbers_IsRefused()
    {
        using var data = Data();
        var read = () => data.Batch([0], ScalarType.Int32);
        read.Should().Throw<ArgumentOutOfRangeException>().WithParameterName("dtype").WithMessage("*floating-point*");
    }

    private static ImageDataset Data() => new(arange(20, ScalarType.Int64).to(ScalarType.Byte).reshape(5, 1, 2, 2), zeros(5, dtype: ScalarType.Int64));

    private void Picture(string name)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(_folder.File(name))!);
        File.WriteAllBytes(_folder.File(name), PngEncoder.Encode(new byte[4], 2, 2, 1));
    }
}

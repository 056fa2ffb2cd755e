using Ardir.Core;

namespace Ardir.Samples;

/// <summary>A data set in a folder, recognised by its file names.</summary>
/// <param name="Path">The folder.</param>
/// <param name="Channels">For pictures: 1 for grey, 3 for RGB.</param>
/// <param name="Size">For pictures: height and width to resize them to; null to take them as they are.</param>
internal sealed record DataFolder(string Path, int Channels = 3, (int Height, int Width)? Size = null)
{
    public static string Shipped => System.IO.Path.Combine(AppContext.BaseDirectory, "Data", "fashion-mnist");

    public ImageDataset Open(Split split)
    {
        if (Has("t10k-images*") || Has("train-images*")) return ImageDataset.Mnist(Path, split);
        if (Has("test_batch.bin")) return ImageDataset.Cifar10(Path, split);
        if (Has("test.bin")) return ImageDataset.Cifar100(Path, split);
        if (Has("*_32x32.mat")) return ImageDataset.Svhn(Path, split);
        return ImageDataset.ImageFolder(Path, new ImageFolderOptions { Channels = Channels, Height = Size?.Height, Width = Size?.Width });
    }

    private bool Has(string pattern) => Directory.Exists(Path) && Directory.EnumerateFiles(Path, pattern).Any();
}

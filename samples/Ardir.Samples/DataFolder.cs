using Ardir.Core;

namespace Ardir.Samples;

/// <summary>Opens the data set that lies in a folder, recognised by its file names.</summary>
internal static class DataFolder
{
    public static ImageDataset Open(string folder, Split split)
    {
        bool Has(string pattern) => Directory.Exists(folder) && Directory.EnumerateFiles(folder, pattern).Any();
        if (Has("t10k-images*") || Has("train-images*")) return ImageDataset.Mnist(folder, split);
        if (Has("test_batch.bin")) return ImageDataset.Cifar10(folder, split);
        if (Has("test.bin")) return ImageDataset.Cifar100(folder, split);
        if (Has("*_32x32.mat")) return ImageDataset.Svhn(folder, split);
        return ImageDataset.ImageFolder(folder);
    }
}

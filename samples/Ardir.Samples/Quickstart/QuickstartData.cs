using Ardir.Core;

namespace Ardir.Samples;

/// <summary>The images of the quickstart: few to train on, some to choose the epoch on, and test images that take no part in either.</summary>
internal sealed class QuickstartData : IDisposable
{
    private const int ValidationImages = 200, TestImages = 250;

    public QuickstartData(QuickstartSettings settings)
    {
        using var all = ImageDataset.Mnist(settings.DataFolder, Split.Train, ImageDataset.FashionMnistClassNames);
        using var test = ImageDataset.Mnist(settings.DataFolder, Split.Test, ImageDataset.FashionMnistClassNames);
        (var rest, Validation) = all.HoldOut(ValidationImages, settings.Seed);
        using (rest)
        {
            (var unused, Train) = settings.Images < rest.Count ? rest.HoldOut(settings.Images, settings.Seed) : (null, rest.Take(rest.Count));
            unused?.Dispose();
        }
        Test = test.Take(TestImages);
    }

    public ImageDataset Train { get; }

    public ImageDataset Validation { get; }

    public ImageDataset Test { get; }

    public void Dispose()
    {
        Train.Dispose();
        Validation.Dispose();
        Test.Dispose();
    }
}

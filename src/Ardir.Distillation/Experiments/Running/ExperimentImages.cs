using Ardir.Core;

namespace Ardir.Distillation;

/// <summary>The images of an experiment: those to train on, those to choose the best epoch on, and those to report.</summary>
public sealed class ExperimentImages : IDisposable
{
    private readonly IDisposable[] _owned;

    /// <summary>Uses data sets of your own, which stay yours.</summary>
    /// <param name="train">To train on.</param>
    /// <param name="validation">To choose the best epoch on; the test set for a choice on the test images.</param>
    /// <param name="test">To report on.</param>
    public ExperimentImages(ImageDataset train, ImageDataset validation, ImageDataset test) : this(train, validation, test, [])
    {
    }

    private ExperimentImages(ImageDataset train, ImageDataset validation, ImageDataset test, IDisposable[] owned)
    {
        ArgumentNullException.ThrowIfNull(train);
        ArgumentNullException.ThrowIfNull(validation);
        ArgumentNullException.ThrowIfNull(test);
        (Train, Validation, Test, _owned) = (train, validation, test, owned);
    }

    /// <summary>The images to train on.</summary>
    public ImageDataset Train { get; }

    /// <summary>The images on which the best epoch is chosen; the same object as <see cref="Test"/> for a choice on the test
    /// images.</summary>
    public ImageDataset Validation { get; }

    /// <summary>The images to report on.</summary>
    public ImageDataset Test { get; }

    /// <summary>Reads the images of a plan.</summary>
    /// <param name="data">Which images.</param>
    /// <param name="folder">The folder with the files of the data set.</param>
    /// <exception cref="ArgumentException">There are fewer images than the plan asks for.</exception>
    /// <exception cref="DataFormatException">A file is damaged.</exception>
    /// <exception cref="IOException">A file cannot be read.</exception>
    public static ExperimentImages Load(ExperimentData data, string folder)
    {
        ArgumentNullException.ThrowIfNull(data);
        ArgumentException.ThrowIfNullOrEmpty(folder);
        using var all = Read(data.Dataset, folder, Split.Train);
        using var reported = Read(data.Dataset, folder, Split.Test);
        var least = data.ValidationImages + (long)(data.TrainImages ?? 1);
        if (all.Count < least)
        {
            throw new ArgumentException(
                $"The plan asks for {least} training and validation images, but {folder} has {all.Count}.", nameof(data));
        }
        var test = Reported(data, reported);
        var (rest, validation) = data.ValidationImages == 0 ? (all.Take(all.Count), test) : all.HoldOut(data.ValidationImages, data.Split);
        if (data.TrainImages is not { } count || count == rest.Count)
            return new ExperimentImages(rest, validation, test, Distinct(rest, validation, test));
        using (rest)
        {
            var (unused, train) = rest.HoldOut(count, data.Split + 1);
            unused.Dispose();
            return new ExperimentImages(train, validation, test, Distinct(train, validation, test));
        }
    }

    /// <summary>Releases the data sets that <see cref="Load"/> read. Those given to the constructor stay.</summary>
    public void Dispose()
    {
        foreach (var dataset in _owned) dataset.Dispose();
    }

    private static ImageDataset Reported(ExperimentData data, ImageDataset all) => all.Count >= (data.TestImages ?? 1)
        ? all.Take(data.TestImages ?? all.Count)
        : throw new ArgumentException($"The plan asks for {data.TestImages} test images; there are {all.Count}.", nameof(data));

    private static ImageDataset Read(ExperimentDataset dataset, string folder, Split split) => dataset switch
    {
        ExperimentDataset.Cifar10 => ImageDataset.Cifar10(folder, split, allowPartial: true),
        ExperimentDataset.Svhn => ImageDataset.Svhn(folder, split),
        _ => ImageDataset.Mnist(folder, split, ImageDataset.FashionMnistClassNames),
    };

    private static IDisposable[] Distinct(params IDisposable[] datasets) => [.. datasets.Distinct()];
}

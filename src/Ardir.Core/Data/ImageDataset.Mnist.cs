namespace Ardir.Core;

public sealed partial class ImageDataset
{
    private static readonly string[] _fashionNames =
        ["T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"];

    /// <summary>
    /// Reads a data set of the MNIST family: <c>train-images-idx3-ubyte</c>, <c>train-labels-idx1-ubyte</c>, <c>t10k-...</c>, gzipped (with
    /// or without <c>.gz</c> in the name) or not.
    /// </summary>
    /// <param name="folder">The folder with the files.</param>
    /// <param name="split"><see cref="Split.Train"/> or <see cref="Split.Test"/>.</param>
    /// <param name="classNames">
    /// Names of the classes, for example <see cref="FashionMnistClassNames"/>; "0", "1", ... up to the highest label when null.
    /// </param>
    /// <returns>Images uint8 [N,1,H,W] on the CPU, owned by the caller.</returns>
    /// <exception cref="FileNotFoundException">A file is missing; the message says which.</exception>
    /// <exception cref="DataFormatException">A file is not in idx format, is truncated or too long, or counts differ.</exception>
    public static ImageDataset Mnist(string folder, Split split, IReadOnlyList<string>? classNames = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        var prefix = TrainOrTest(split) ? "train" : "t10k";
        var (imagePath, labelPath) = (Find(folder, $"{prefix}-images-idx3-ubyte"), Find(folder, $"{prefix}-labels-idx1-ubyte"));
        var images = IdxFile.Read(imagePath, dimensions: 3);
        var labels = IdxFile.Read(labelPath, dimensions: 1);
        if (images.Shape[0] != labels.Shape[0])
            throw new DataFormatException(
                $"{folder}: {images.Shape[0]} images but {labels.Shape[0]} labels; the files do not belong together.");
        if (images.Data.Length == 0) throw new DataFormatException($"{folder}: the files hold no images.");
        if (classNames is not null && labels.Data.Max() >= classNames.Count)
            throw new DataFormatException($"{folder}: a label is {labels.Data.Max()} but there are {classNames.Count} class names.");
        return new ImageDataset(
            tensor(images.Data, [images.Shape[0], 1, images.Shape[1], images.Shape[2]], ScalarType.Byte, CPU),
            tensor(labels.Data, [labels.Shape[0]], ScalarType.Byte, CPU).to(ScalarType.Int64, disposeAfter: true),
            classNames) { Files = [images.File, labels.File] };
    }

    /// <summary>The ten classes of Fashion-MNIST, in label order.</summary>
    public static IReadOnlyList<string> FashionMnistClassNames => _fashionNames;

    private static string Find(string folder, string name)
    {
        foreach (var path in new[] { Path.Combine(folder, name), Path.Combine(folder, name + ".gz") })
            if (File.Exists(path)) return path;
        throw new FileNotFoundException($"Neither '{name}' nor '{name}.gz' is in '{Path.GetFullPath(folder)}'.", name);
    }
}

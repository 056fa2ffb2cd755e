namespace Ardir.Core;

public sealed partial class ImageDataset
{
    /// <summary>
    /// Reads CIFAR-10 in its binary format: <c>data_batch_1.bin</c> to <c>data_batch_5.bin</c>, or <c>test_batch.bin</c>.
    /// </summary>
    /// <param name="folder">The folder with the files, or the one that holds <c>cifar-10-batches-bin</c>.</param>
    /// <param name="split"><see cref="Split.Train"/> or <see cref="Split.Test"/>.</param>
    /// <param name="allowPartial">Reads the training batches that exist, at least one; when false, all five must exist.</param>
    /// <returns>Images uint8 [N,3,32,32] on the CPU, 50,000 or 10,000 in the published files, owned by the caller.</returns>
    /// <exception cref="FileNotFoundException">A file is missing; the message says which.</exception>
    /// <exception cref="DataFormatException">A file's size is not a multiple of a record, or a label is out of range.</exception>
    public static ImageDataset Cifar10(string folder, Split split, bool allowPartial = false)
    {
        folder = Inside(folder, "cifar-10-batches-bin", TrainOrTest(split) ? "data_batch_1.bin" : "test_batch.bin");
        string[] names = split == Split.Test ? ["test_batch.bin"] : [.. Enumerable.Range(1, 5).Select(i => $"data_batch_{i}.bin")];
        string[] there = [.. names.Where(name => File.Exists(Path.Combine(folder, name)))];
        if (there.Length == 0 || (there.Length < names.Length && !allowPartial))
        {
            string[] missing = [.. names.Except(there, StringComparer.Ordinal)];
            throw new FileNotFoundException(
                $"'{Path.GetFullPath(folder)}' lacks {string.Join(", ", missing)}."
                + $"{(there.Length > 0 ? " Pass allowPartial: true to read the others." : "")}",
                missing[0]);
        }
        return FromRecords([.. there.Select(name => Path.Combine(folder, name))], [10], 0, ClassLists.Cifar10);
    }

    /// <summary>Reads CIFAR-100 in its binary format: <c>train.bin</c> or <c>test.bin</c>.</summary>
    /// <param name="folder">The folder with the files, or the one that holds <c>cifar-100-binary</c>.</param>
    /// <param name="split"><see cref="Split.Train"/> or <see cref="Split.Test"/>.</param>
    /// <param name="labels">100 fine or 20 coarse classes.</param>
    /// <returns>Images uint8 [N,3,32,32] on the CPU, 50,000 or 10,000 in the published files, owned by the caller.</returns>
    /// <exception cref="FileNotFoundException">The file is missing.</exception>
    /// <exception cref="DataFormatException">The file's size is not a multiple of a record, or a label is out of range.</exception>
    public static ImageDataset Cifar100(string folder, Split split, Cifar100Labels labels = Cifar100Labels.Fine)
    {
        if (!Enum.IsDefined(labels)) throw new ArgumentOutOfRangeException(nameof(labels), labels, "labels must be Fine or Coarse.");
        var name = TrainOrTest(split) ? "train.bin" : "test.bin";
        var path = Path.Combine(Inside(folder, "cifar-100-binary", name), name);
        if (!File.Exists(path)) throw new FileNotFoundException($"'{Path.GetFullPath(path)}' does not exist.", name);
        return labels == Cifar100Labels.Coarse
            ? FromRecords([path], [20, 100], 0, ClassLists.Cifar100Coarse)
            : FromRecords([path], [20, 100], 1, ClassLists.Cifar100Fine);
    }

    private static ImageDataset FromRecords(string[] paths, int[] classes, int label, IReadOnlyList<string> names)
    {
        var (images, labels, files) = CifarFile.Read(paths, classes, label);
        return new ImageDataset(images, labels, names) { Files = files };
    }

    private static string Inside(string folder, string archive, string file)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        var inner = Path.Combine(folder, archive);
        return !File.Exists(Path.Combine(folder, file)) && Directory.Exists(inner) ? inner : folder;
    }

    private static bool TrainOrTest(Split split) => split switch
    {
        Split.Train => true,
        Split.Test => false,
        _ => throw new ArgumentOutOfRangeException(nameof(split), split, "This data set has the splits Train and Test."),
    };
}

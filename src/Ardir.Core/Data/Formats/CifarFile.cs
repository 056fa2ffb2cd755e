namespace Ardir.Core;

/// <summary>CIFAR's binary format: records of one or two label bytes and 3072 pixels, channel by channel, row by row.</summary>
internal static class CifarFile
{
    public const int Pixels = 3 * 32 * 32;
    private const int Chunk = 256;

    /// <summary>Reads whole files and concatenates their records.</summary>
    /// <param name="paths">The files.</param>
    /// <param name="classes">How many classes each label byte has, in the order of the bytes.</param>
    /// <param name="label">Which of the label bytes to keep.</param>
    public static (Tensor Images, Tensor Labels, IReadOnlyList<DataFile> Files) Read(IReadOnlyList<string> paths, int[] classes, int label)
    {
        int[] counts = [.. paths.Select(path => Records(path, classes.Length + Pixels))];
        var total = counts.Sum(count => (long)count);
        if (total * Pixels > int.MaxValue)
            throw new DataFormatException(
                $"{paths[0]} and the files beside it hold {total} records; at most {int.MaxValue / Pixels} can be read.");
        using var scope = NewDisposeScope();
        var images = empty([total, 3, 32, 32], ScalarType.Byte, CPU);
        var (labels, files) = (new long[total], new DataFile[paths.Count]);
        for (var (i, at) = (0, 0); i < paths.Count; at += counts[i++])
            files[i] = Read(paths[i], classes, label, images.bytes.Slice(at * Pixels, counts[i] * Pixels), labels.AsSpan(at, counts[i]));
        return (images.MoveToOuterDisposeScope(), tensor(labels, device: CPU).MoveToOuterDisposeScope(), files);
    }

    private static int Records(string path, int record)
    {
        var length = new FileInfo(path).Length;
        if (length == 0 || length % record != 0)
            throw new DataFormatException(
                $"{path} has {length} bytes; expected a positive multiple of {record}, the size of a record. "
                + "It is truncated, or not in CIFAR's binary form.");
        return length / record <= int.MaxValue / Pixels
            ? (int)(length / record)
            : throw new DataFormatException($"{path} has {length} bytes, more than can be read at once; refused.");
    }

    private static DataFile Read(string path, int[] classes, int label, Span<byte> images, Span<long> labels)
    {
        var record = classes.Length + Pixels;
        using var stream = new HashedFile(path);
        var buffer = new byte[Math.Min(Chunk, labels.Length) * record];
        for (var at = 0; at < labels.Length; at += Chunk)
        {
            var count = Math.Min(Chunk, labels.Length - at);
            if (stream.ReadAtLeast(buffer.AsSpan(0, count * record), count * record, throwOnEndOfStream: false) < count * record)
                throw new DataFormatException($"{path} became shorter while it was read.");
            for (var i = 0; i < count; i++)
            {
                var source = buffer.AsSpan(i * record, record);
                for (var k = 0; k < classes.Length; k++)
                    if (source[k] >= classes[k])
                        throw new DataFormatException(
                            $"{path}: label byte {k} of record {at + i} is {source[k]}; expected 0 to {classes[k] - 1}.");
                labels[at + i] = source[label];
                source[classes.Length..].CopyTo(images[((at + i) * Pixels)..]);
            }
        }
        return stream.Describe();
    }
}

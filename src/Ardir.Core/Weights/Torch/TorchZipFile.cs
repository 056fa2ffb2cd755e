using System.IO.Compression;

namespace Ardir.Core;

/// <summary>What torch.save writes since PyTorch 1.6: a zip archive with a pickle and one entry of raw values per storage.</summary>
internal static class TorchZipFile
{
    private const long MaxPickle = 256L << 20;
    private const long SparePickle = 16L << 20;
    private const long MaxDeflateRatio = 1100;

    public static WeightContents Read(string path, bool strict)
    {
        using var stream = File.OpenRead(path);
        try
        {
            using var archive = new ZipArchive(stream, ZipArchiveMode.Read);
            return Read(archive, path, stream.Length, strict);
        }
        catch (Exception e) when (
            e is InvalidDataException or NotSupportedException or EndOfStreamException or OverflowException or ArgumentException)
        {
            throw new WeightFormatException($"{path}: the zip archive is damaged ({e.Message}).", e);
        }
    }

    private static WeightContents Read(ZipArchive archive, string path, long length, bool strict)
    {
        var entries = Entries(archive, path);
        var pickles = entries.Keys.Where(name => name.EndsWith("/data.pkl", StringComparison.Ordinal)).ToList();
        if (pickles.Count != 1)
        {
            throw new WeightFormatException(
                $"{path} is a zip archive with {pickles.Count} entries '*/data.pkl'; a file of torch.save has one.");
        }
        var root = pickles[0][..^"data.pkl".Length];
        if (entries.ContainsKey(root + "constants.pkl")
            || entries.Keys.Any(name => name.StartsWith(root + "code/", StringComparison.Ordinal)))
        {
            throw new WeightFormatException(
                $"{path} is a TorchScript archive: load it with torch.jit.load, or save its state_dict() in Python.");
        }
        if (entries.TryGetValue(root + "byteorder", out var order) && Text(order).Trim() != "little")
            throw new WeightFormatException($"{path} was written on a big-endian machine; save it again on a little-endian one.");
        using var pickle = new BufferedStream(Open(entries[pickles[0]], length, Math.Min(MaxPickle, SparePickle + length)));
        var value = new PickleReader(new PickleSource(pickle), Persistent, strict, length).Read();
        using var tensors = new TorchTensors(storage =>
        {
            if (!entries.TryGetValue($"{root}data/{storage.Key}", out var entry))
                throw new WeightFormatException($"{path}: the values '{storage.Key}' are missing from the archive.");
            if (storage.Count > entry.Length / storage.Type.ElementSize())
            {
                throw new WeightFormatException(
                    $"{path}: '{storage.Key}' has {entry.Length} bytes for {storage.Count} values of {storage.Type}.");
            }
            using var bytes = Open(entry, length, long.MaxValue);
            return RawTensor.Read(bytes, storage.Type, storage.Count, $"'{storage.Key}'");
        }, length);
        return tensors.Read(value, path, "torch zip");
    }

    private static Dictionary<string, ZipArchiveEntry> Entries(ZipArchive archive, string path)
    {
        var entries = new Dictionary<string, ZipArchiveEntry>(StringComparer.Ordinal);
        foreach (var entry in archive.Entries)
        {
            if (!entries.TryAdd(entry.FullName, entry))
                throw new WeightFormatException($"{path}: the archive has two entries '{entry.FullName}'.");
            if (entry.FullName.Split('/', '\\').Contains("..") || Path.IsPathRooted(entry.FullName))
                throw new WeightFormatException($"{path}: an entry is called '{entry.FullName}', which leaves the archive.");
        }
        return entries;
    }

    // A persistent id is ('storage', class, key, location, count).
    private static object Persistent(object? id) =>
        id is PickleTuple { Items: ["storage", var type, string key, _, long count, ..] } && count >= 0
            ? TorchNames.Unreadable(type) as object ?? new PickleStorage(TorchNames.StorageType(type), key, count, 0)
            : throw new WeightFormatException("A tensor refers to its values in an unknown way.");

    private static Stream Open(ZipArchiveEntry entry, long fileLength, long cap)
    {
        if (entry.IsEncrypted) throw new WeightFormatException($"The entry '{entry.FullName}' is encrypted.");
        if (entry.CompressedLength > fileLength
            || entry.Length > cap
            || entry.Length > MaxDeflateRatio * Math.Max(entry.CompressedLength, 1))
        {
            throw new WeightFormatException(
                $"The entry '{entry.FullName}' claims {entry.Length} bytes out of {entry.CompressedLength}: a zip bomb, or damaged.");
        }
        return entry.Open();
    }

    private static string Text(ZipArchiveEntry entry)
    {
        var bytes = new byte[16];
        using var stream = Open(entry, long.MaxValue, 1024);
        return System.Text.Encoding.Latin1.GetString(bytes, 0, stream.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false));
    }
}

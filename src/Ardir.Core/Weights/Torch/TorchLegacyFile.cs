using System.Buffers.Binary;
using System.Numerics;

namespace Ardir.Core;

/// <summary>What torch.save wrote before PyTorch 1.6: five pickles, then the values of each storage.</summary>
internal static class TorchLegacyFile
{
    private const long Protocol = 1001;

    /// <summary>The number that the first pickle holds, as bytes in the order of the file.</summary>
    public static ReadOnlySpan<byte> Magic => [0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19];

    private static readonly BigInteger _magic =
        BigInteger.Parse("119547037146038801333356", System.Globalization.CultureInfo.InvariantCulture);

    public static WeightContents Read(string path, bool strict)
    {
        using var file = File.OpenRead(path);
        using var stream = new BufferedStream(file, 1 << 16);
        var length = file.Length;
        var (storages, unreadable) = (new Dictionary<string, PickleStorage>(StringComparer.Ordinal), new Unreadable(path));
        object? Next(Func<object?, object?> persistent) => new PickleReader(new PickleSource(stream), persistent, strict, length).Read();
        object? NextPlain() => Next(_ => throw new WeightFormatException("The header refers to tensors."));

        CheckHeader(NextPlain, path);
        var root = Next(id => Persistent(id, storages, unreadable));
        // A root of the wrong kind is refused before the values are read, since these may be large.
        TorchTensors.RefuseObject(root, path);
        if (NextPlain() is not List<object?> keys) throw new WeightFormatException($"{path} has no list of its storages.");

        var loaded = new Dictionary<string, Tensor>(StringComparer.Ordinal);
        try
        {
            foreach (var entry in keys)
            {
                if (entry is string other && unreadable.PassOver(other, stream, length)) continue;
                if (entry is not string key || !storages.TryGetValue(key, out var storage) || loaded.ContainsKey(key))
                    throw new WeightFormatException($"{path} lists a storage that no tensor uses, or one twice.");
                loaded.Add(key, Values(stream, storage, length));
            }
            if (stream.ReadByte() >= 0) throw new WeightFormatException($"{path} has extra bytes after its last values.");
            using var tensors = new TorchTensors(
                storage => loaded.TryGetValue(storage.Key, out var values)
                    ? values.alias()
                    : throw new WeightFormatException($"{path}: the values '{storage.Key}' are missing."),
                length);
            return tensors.Read(root, path, "torch legacy");
        }
        finally
        {
            foreach (var values in loaded.Values) values.Dispose();
        }
    }

    /// <summary>Checks the three pickles before the root: magic number, version of the format and byte order of the machine.</summary>
    private static void CheckHeader(Func<object?> next, string path)
    {
        if (next() is not BigInteger magic || magic != _magic)
        {
            throw new WeightFormatException(
                $"{path} is a pickle, but not one of torch.save. "
                + "Save the weights with torch.save(model.state_dict(), path) or as safetensors.");
        }
        if (next() is not Protocol) throw new WeightFormatException($"{path} has an unknown version of the legacy format.");
        if (next() is not PickleDictionary system || system.Find("little_endian") is not true)
            throw new WeightFormatException($"{path} was written on a big-endian machine; save it again on a little-endian one.");
    }

    // A persistent id is ('storage', class, key, location, count, None or (view key, offset, size)), or, for a class of a whole pickled
    // network, ('module', class, file, source code).
    private static object Persistent(object? id, Dictionary<string, PickleStorage> storages, Unreadable unreadable)
    {
        if (id is PickleTuple { Items: ["module", var module, ..] }) return module as PickleOpaque ?? new PickleOpaque("module");
        if (id is not PickleTuple { Items: ["storage", var type, string key, _, long count, var view] } || count < 0)
            throw new WeightFormatException("A tensor refers to its values in an unknown way.");
        if (TorchNames.Unreadable(type) is { } opaque) return unreadable.Add(key, count, opaque);
        var whole = new PickleStorage(TorchNames.StorageType(type), key, count, 0);
        if (storages.TryGetValue(key, out var known) && known != whole)
            throw new WeightFormatException($"The storage '{key}' is described in two ways.");
        storages[key] = whole;
        return view switch
        {
            null => whole,
            PickleTuple { Items: [_, long offset, long size] }
                when offset >= 0 && size >= 0 && offset <= count && size <= count - offset => whole with { Offset = offset },
            _ => throw new WeightFormatException($"The storage '{key}' has an impossible view."),
        };
    }

    private static Tensor Values(Stream stream, PickleStorage storage, long fileLength)
    {
        CheckCount(stream, storage.Key, storage.Count, fileLength / storage.Type.ElementSize());
        return RawTensor.Read(stream, storage.Type, storage.Count, $"'{storage.Key}'");
    }

    /// <summary>Reads the number before the values of a storage, which must be the one that its tensors expect.</summary>
    private static void CheckCount(Stream stream, string key, long expected, long most)
    {
        Span<byte> prefix = stackalloc byte[8];
        if (stream.ReadAtLeast(prefix, 8, throwOnEndOfStream: false) < 8)
            throw new WeightFormatException("The file ends before its values: it is truncated.");
        var count = BinaryPrimitives.ReadInt64LittleEndian(prefix);
        if (count != expected)
            throw new WeightFormatException($"The storage '{key}' has {count} values; its tensors expect {expected}.");
        if (count > most) throw new WeightFormatException($"The storage '{key}' claims {count} values, more than the file holds.");
    }

    /// <summary>The storages of kinds that are not read here. Their values stand between those of the others and are passed over: only a
    /// weight that needs them is an error.</summary>
    private sealed class Unreadable(string path)
    {
        private readonly Dictionary<string, (long Count, PickleOpaque Kind)> _storages = new(StringComparer.Ordinal);

        public PickleOpaque Add(string key, long count, PickleOpaque kind)
        {
            _storages[key] = (count, kind);
            return kind;
        }

        /// <summary>Moves the stream behind the values of a storage if it is one of these; returns whether it is.</summary>
        public bool PassOver(string key, Stream stream, long fileLength)
        {
            if (!_storages.Remove(key, out var storage)) return false;
            if (TorchNames.UnreadableSize(storage.Kind.Name) is not { } size)
            {
                throw new WeightFormatException(
                    $"{path} has values of the unknown kind {storage.Kind.Name}, so that the values behind them cannot be found. "
                    + "Save the weights alone, as dense tensors of real numbers.");
            }
            CheckCount(stream, key, storage.Count, fileLength / size);
            if (storage.Count * size > fileLength - stream.Position)
                throw new WeightFormatException($"'{key}' ends before its {storage.Count} values: the file is truncated.");
            stream.Seek(storage.Count * size, SeekOrigin.Current);
            return true;
        }
    }
}

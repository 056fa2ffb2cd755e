namespace Ardir.Core;

/// <summary>Finds the dictionary of tensors in what a pickle holds and makes the tensors.</summary>
internal sealed class TorchTensors(Func<PickleStorage, Tensor> load, long fileLength) : IDisposable
{
    private const int MaxContainers = 8;
    private const int Listed = 8;

    // A buffer may be a small tensor that was expanded, such as one value per channel repeated for every pixel, so a tensor may have this
    // many times as many values as are stored.
    private const int MaxExpansion = 4096;

    private const string Example = "torch.save(model.state_dict(), \"weights.pt\").";
    private const string Remedy = $"In Python: {Example}";

    // Training scripts put the weights under one of these keys; the first that is there is used.
    private static readonly string[] _containers =
        ["state_dict", "net", "model", "model_state_dict", "swa_state_dict", "ema", "last", "best"];

    private readonly Dictionary<string, (ScalarType Type, long Count, Tensor Values)> _storages = new(StringComparer.Ordinal);
    private readonly OmittedEntries _omitted = new();
    private long _bytes, _stored;

    public WeightContents Read(object? root, string path, string format)
    {
        var found = Find(root, path);
        var tensors = new Dictionary<string, Tensor>(StringComparer.Ordinal);
        try
        {
            foreach (var (name, value) in found) tensors.Add(name, Make(value, name));
            return new WeightContents(format, [.. found.Select(entry => entry.Name)], tensors) { Omitted = _omitted.All };
        }
        catch
        {
            foreach (var tensor in tensors.Values) tensor.Dispose();
            throw;
        }
    }

    /// <summary>Throws when a file holds a whole pickled network and not its weights.</summary>
    public static void RefuseObject(object? root, string path)
    {
        if (root is PickleOpaque { IsTensor: false } opaque)
            throw new WeightFormatException($"{path} holds a whole pickled object ({opaque.Name}), not its weights. {Remedy}");
    }

    public void Dispose()
    {
        foreach (var (_, _, values) in _storages.Values) values.Dispose();
    }

    private List<(string Name, PickleTensor Value)> Find(object? root, string path)
    {
        for (var depth = 0; depth < MaxContainers; depth++)
        {
            RefuseObject(root, path);
            if (root is not PickleDictionary dictionary)
                throw new WeightFormatException($"{path} holds no dictionary of tensors, but {Kind(root)}. {Remedy}");
            if (_containers.Select(dictionary.Find).FirstOrDefault(value => value is PickleDictionary) is { } inner)
            {
                _omitted.Add(dictionary, value => ReferenceEquals(value, inner));
                root = inner;
                continue;
            }
            RefuseUnreadable(dictionary);
            var tensors = dictionary.Entries
                .Where(entry => entry.Value is PickleTensor)
                .Select(entry => (entry.Key, (PickleTensor)entry.Value!))
                .ToList();
            if (tensors.Count > 0)
            {
                _omitted.Add(dictionary, value => value is PickleTensor);
                return tensors;
            }
            root = _containers.Select(dictionary.Find).FirstOrDefault(value => value is PickleOpaque) ?? Only(dictionary, path);
            _omitted.Add(dictionary, value => ReferenceEquals(value, root));
        }
        throw new WeightFormatException($"{path} nests its weights deeper than {MaxContainers} containers.");
    }

    private static void RefuseUnreadable(PickleDictionary dictionary)
    {
        var found = dictionary.Entries.FirstOrDefault(entry => entry.Value is PickleOpaque { IsTensor: true });
        if (found is (string key, PickleOpaque unreadable))
        {
            throw new WeightFormatException(
                $"'{key}' is a tensor of a kind that is not read here ({unreadable.Name}). Save it as a dense tensor of real numbers.");
        }
    }

    // Training scripts use too many keys to list them all, so the only dictionary of tensors is taken, whatever its key.
    private static PickleDictionary Only(PickleDictionary dictionary, string path)
    {
        var found = dictionary.Entries
            .Where(entry => entry.Value is PickleDictionary inner && inner.Entries.Any(item => item.Value is PickleTensor))
            .ToList();
        if (found.Count == 1) return (PickleDictionary)found[0].Value!;
        string List(IEnumerable<(string Key, object? Value)> entries) =>
            string.Join(", ", entries.Take(Listed).Select(entry => entry.Key));
        throw new WeightFormatException(
            found.Count > 1 ? $"{path} has several dictionaries of tensors: {List(found)}. Save the one that is meant: {Example}"
            : dictionary.Entries.Count == 0 ? $"{path} has no tensors; its dictionary is empty. {Remedy}"
            : $"{path} has no tensors; its entries are {List(dictionary.Entries)}. {Remedy}");
    }

    private static string Kind(object? root) => root switch
    {
        null => "None",
        PickleTensor or PickleOpaque => "a single tensor",
        List<object?> => "a list",
        PickleTuple => "a tuple",
        string => "a text",
        _ => "a number",
    };

    private Tensor Make(PickleTensor source, string name)
    {
        var (storage, offset) = (source.Storage, Checked(name, () => checked(source.Offset + source.Storage.Offset)));
        var (count, reach) = (1L, offset);
        for (var i = 0; i < source.Sizes.Length; i++)
        {
            var (size, stride) = (source.Sizes[i], source.Strides[i]);
            count = Checked(name, () => checked(count * Math.Max(size, 1)));
            if (size > 0) reach = Checked(name, () => checked(reach + (size - 1) * stride));
        }
        // Zeros counted as 1 above: libtorch computes strides from the other sizes, and these may overflow even if the product is 0.
        if (source.Sizes.Contains(0)) count = 0;
        if (offset < 0 || (count > 0 && reach >= storage.Count))
            throw new WeightFormatException($"'{name}' reaches beyond its {storage.Count} stored values.");
        if (count / MaxExpansion > storage.Count)
            throw new WeightFormatException($"'{name}' has {count} values, but only {storage.Count} are stored.");
        _bytes = Checked(name, () => checked(_bytes + count * storage.Type.ElementSize()));
        if (_bytes > UnpackLimit.Of(fileLength))
            throw new WeightFormatException($"The tensors claim {_bytes} bytes, more than {UnpackLimit.MaxGrowth} times the file.");
        if (count == 0) return empty(source.Sizes, storage.Type, CPU).DetachFromDisposeScope();
        using var scope = NewDisposeScope();
        var values = Storage(storage, name);
        return values.as_strided(source.Sizes, source.Strides, offset).clone().contiguous().DetachFromDisposeScope();
    }

    private Tensor Storage(PickleStorage storage, string name)
    {
        if (!_storages.TryGetValue(storage.Key, out var known))
        {
            _stored = Checked(name, () => checked(_stored + storage.Count * storage.Type.ElementSize()));
            if (_stored > UnpackLimit.Of(fileLength))
            {
                throw new WeightFormatException(
                    $"The stored values claim {_stored} bytes, more than {UnpackLimit.MaxGrowth} times the file: a zip bomb, or damaged.");
            }
            _storages[storage.Key] = known = (storage.Type, storage.Count, load(storage).DetachFromDisposeScope());
        }
        if ((known.Type, known.Count) != (storage.Type, storage.Count))
            throw new WeightFormatException($"'{name}' describes the storage '{storage.Key}' differently from a tensor before.");
        return known.Values;
    }

    private static long Checked(string name, Func<long> value)
    {
        try
        {
            return value();
        }
        catch (OverflowException e)
        {
            throw new WeightFormatException($"'{name}' claims a size beyond any memory.", e);
        }
    }
}

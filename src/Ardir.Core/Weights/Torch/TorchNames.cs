namespace Ardir.Core;

/// <summary>The names that a state dictionary of PyTorch is made of, and what they mean. Nothing else is ever called.</summary>
internal static class TorchNames
{
    public const string OrderedDict = "collections.OrderedDict";
    private const string RebuildV2 = "torch._utils._rebuild_tensor_v2";
    private const string Rebuild = "torch._utils._rebuild_tensor";
    private const string Parameter = "torch._utils._rebuild_parameter";
    private const string Size = "torch.Size";
    private const int MaxRank = 16;

    private static readonly Dictionary<string, ScalarType> _storages = new(StringComparer.Ordinal)
    {
        ["torch.FloatStorage"] = ScalarType.Float32, ["torch.DoubleStorage"] = ScalarType.Float64,
        ["torch.HalfStorage"] = ScalarType.Float16,
        ["torch.BFloat16Storage"] = ScalarType.BFloat16, ["torch.LongStorage"] = ScalarType.Int64, ["torch.IntStorage"] = ScalarType.Int32,
        ["torch.ShortStorage"] = ScalarType.Int16, ["torch.CharStorage"] = ScalarType.Int8, ["torch.ByteStorage"] = ScalarType.Byte,
        ["torch.BoolStorage"] = ScalarType.Bool, ["torch.storage.UntypedStorage"] = ScalarType.Byte,
    };

    // Storages of kinds that are not read here, with the bytes of one value, so that a reader can pass over them.
    private static readonly Dictionary<string, int> _unreadableSizes = new(StringComparer.Ordinal)
    {
        ["torch.QInt8Storage"] = 1, ["torch.QUInt8Storage"] = 1, ["torch.QUInt4x2Storage"] = 1, ["torch.QUInt2x4Storage"] = 1,
        ["torch.QInt32Storage"] = 4, ["torch.ComplexFloatStorage"] = 8, ["torch.ComplexDoubleStorage"] = 16,
    };

    private static readonly string[] _functions = [OrderedDict, RebuildV2, Rebuild, Parameter, Size];

    // These names belong to data that checkpoints often hold besides weights: a best accuracy as a numpy number, a set.
    private static readonly string[] _harmless =
    [
        "numpy.core.multiarray.scalar", "numpy._core.multiarray.scalar", "numpy.dtype", "_codecs.encode",
        "builtins.set", "__builtin__.set", "torch.device",
    ];

    public static bool IsKnown(string name) => _storages.ContainsKey(name) || _functions.Contains(name, StringComparer.Ordinal);

    public static bool IsHarmless(string name) =>
        _harmless.Contains(name, StringComparer.Ordinal) || name.StartsWith("torch.float", StringComparison.Ordinal);

    public static string StorageName(ScalarType type, string entry) => _storages.FirstOrDefault(pair => pair.Value == type).Key
        ?? throw new ArgumentException($"'{entry}' has dtype {type}, which PyTorch files cannot hold here.", nameof(type));

    public static ScalarType StorageType(object? global) =>
        global is PickleGlobal { Name: var name } && _storages.TryGetValue(name, out var type)
            ? type
            : throw new WeightFormatException($"A tensor has values of the unknown kind {(global as PickleOpaque)?.Name ?? "?"}.");

    /// <summary>
    /// A placeholder for stored values of a type that is not read, which is an error only if a weight needs them; null for all else.
    /// </summary>
    public static PickleOpaque? Unreadable(object? global) =>
        global is PickleOpaque { Name: var name }
        && name.StartsWith("torch.", StringComparison.Ordinal) && name.EndsWith("Storage", StringComparison.Ordinal)
            ? new PickleOpaque(name, IsTensor: true)
            : null;

    /// <summary>The bytes of one value of a storage of an <see cref="Unreadable"/> kind; null where that is not known.</summary>
    public static int? UnreadableSize(string name) => _unreadableSizes.TryGetValue(name, out var size) ? size : null;

    public static object? Call(string name, IReadOnlyList<object?> arguments) => name switch
    {
        OrderedDict => Dictionary(arguments),
        RebuildV2 when arguments.Count >= 6 => Tensor(arguments),
        Rebuild when arguments.Count == 4 => Tensor(arguments),
        Parameter when arguments.Count >= 1 => arguments[0],
        Size when arguments.Count == 1 => arguments[0],
        _ => throw new WeightFormatException($"The pickle calls {name} with {arguments.Count} arguments."),
    };

    private static PickleDictionary Dictionary(IReadOnlyList<object?> arguments)
    {
        var dictionary = new PickleDictionary();
        if (arguments.Count == 0) return dictionary;
        if (arguments.Count > 1 || arguments[0] is not List<object?> pairs)
            throw new WeightFormatException("The pickle makes a dictionary of something that is no list.");
        foreach (var pair in pairs)
        {
            var items = pair switch { List<object?> list => list, PickleTuple tuple => tuple.Items, _ => [] };
            if (items.Count != 2) throw new WeightFormatException("The pickle makes a dictionary of something else than pairs.");
            dictionary.Set(items[0], items[1]);
        }
        return dictionary;
    }

    private static object Tensor(IReadOnlyList<object?> arguments)
    {
        if (arguments[0] is PickleOpaque { IsTensor: true } unreadable) return unreadable;
        if (arguments[0] is not PickleStorage storage || arguments[1] is not long offset)
            throw new WeightFormatException("A tensor has no storage.");
        var (sizes, strides) = (Numbers(arguments[2]), Numbers(arguments[3]));
        if (sizes.Length != strides.Length)
            throw new WeightFormatException($"A tensor has {sizes.Length} sizes and {strides.Length} strides.");
        return new PickleTensor(storage, offset, sizes, strides);
    }

    private static long[] Numbers(object? value)
    {
        var items = value switch { PickleTuple tuple => tuple.Items, List<object?> list => list, _ => null };
        if (items is null || items.Count > MaxRank || items.Any(item => item is not long number || number < 0))
            throw new WeightFormatException($"A tensor has a shape that is not at most {MaxRank} non-negative integers.");
        return [.. items.Select(item => (long)item!)];
    }
}

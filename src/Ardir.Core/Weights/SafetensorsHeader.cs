using System.Text;
using System.Text.Json;

namespace Ardir.Core;

/// <summary>The header of a safetensors file, checked in full before a byte of data is read.</summary>
internal sealed class SafetensorsHeader
{
    public const long MaxHeaderBytes = 100_000_000;
    private const int MaxRank = 16;

    public static readonly IReadOnlyDictionary<string, (ScalarType Type, int Size)> Types =
        new Dictionary<string, (ScalarType, int)>(StringComparer.Ordinal)
        {
            ["BOOL"] = (ScalarType.Bool, 1),
            ["U8"] = (ScalarType.Byte, 1),
            ["I8"] = (ScalarType.Int8, 1),
            ["I16"] = (ScalarType.Int16, 2),
            ["I32"] = (ScalarType.Int32, 4),
            ["I64"] = (ScalarType.Int64, 8),
            ["F16"] = (ScalarType.Float16, 2),
            ["BF16"] = (ScalarType.BFloat16, 2),
            ["F32"] = (ScalarType.Float32, 4),
            ["F64"] = (ScalarType.Float64, 8),
        };

    private SafetensorsHeader(List<Entry> entries, Dictionary<string, string> metadata) => (Entries, Metadata) = (entries, metadata);

    /// <summary>The tensors, in the order of their data.</summary>
    public List<Entry> Entries { get; }

    public Dictionary<string, string> Metadata { get; }

    public static SafetensorsHeader Parse(byte[] json, long dataLength, string path)
    {
        try
        {
            // Invalid UTF-8 is refused before parsing, so that it cannot be read as some other, valid name.
            _ = new UTF8Encoding(false, throwOnInvalidBytes: true).GetCharCount(json);
            using var document = JsonDocument.Parse(json, new JsonDocumentOptions { AllowDuplicateProperties = false, MaxDepth = 8 });
            var root = document.RootElement;
            if (json.Length == 0 || json[0] != '{' || root.ValueKind != JsonValueKind.Object)
                throw Bad(path, "the header is not a JSON object");
            var metadata = new Dictionary<string, string>(StringComparer.Ordinal);
            var entries = new List<Entry>();
            foreach (var property in root.EnumerateObject())
            {
                if (property.NameEquals("__metadata__")) ReadMetadata(property.Value, metadata, path);
                else entries.Add(ReadEntry(property, path));
            }
            entries.Sort((a, b) => a.Begin != b.Begin ? a.Begin.CompareTo(b.Begin) : a.End.CompareTo(b.End));
            CheckLayout(entries, dataLength, path);
            return new SafetensorsHeader(entries, metadata);
        }
        catch (Exception e) when (
            e is JsonException or DecoderFallbackException or InvalidOperationException or FormatException or OverflowException)
        {
            throw new WeightFormatException($"{path}: the safetensors header is damaged ({e.Message})", e);
        }
    }

    private static void ReadMetadata(JsonElement element, Dictionary<string, string> into, string path)
    {
        if (element.ValueKind != JsonValueKind.Object) throw Bad(path, "__metadata__ is not an object");
        foreach (var item in element.EnumerateObject())
        {
            into[item.Name] = item.Value.ValueKind == JsonValueKind.String
                ? item.Value.GetString()!
                : throw Bad(path, $"__metadata__ '{item.Name}' is not a string");
        }
    }

    private static Entry ReadEntry(JsonProperty property, string path)
    {
        var element = property.Value;
        if (element.ValueKind != JsonValueKind.Object || element.GetPropertyCount() != 3
            || !element.TryGetProperty("dtype", out var dtype) || dtype.ValueKind != JsonValueKind.String
            || !element.TryGetProperty("shape", out var shape) || shape.ValueKind != JsonValueKind.Array
            || !element.TryGetProperty("data_offsets", out var offsets) || offsets.ValueKind != JsonValueKind.Array
            || offsets.GetArrayLength() != 2)
        {
            throw Bad(path, $"tensor '{property.Name}' does not have exactly dtype, shape and data_offsets");
        }
        if (!Types.TryGetValue(dtype.GetString()!, out var type))
            throw Bad(path, $"tensor '{property.Name}' has dtype {dtype.GetString()}; readable are {string.Join(", ", Types.Keys)}");
        if (shape.GetArrayLength() > MaxRank) throw Bad(path, $"tensor '{property.Name}' has more than {MaxRank} dimensions");
        long[] sizes = [.. shape.EnumerateArray().Select(size => Integer(size, path))];
        // Zeros count as 1 at first: libtorch computes strides from the other sizes, and these may overflow even if the product is 0.
        var bytes = sizes.Aggregate((long)type.Size, (product, size) => checked(product * Math.Max(size, 1)));
        if (sizes.Contains(0)) bytes = 0;
        var (begin, end) = (Integer(offsets[0], path), Integer(offsets[1], path));
        if (end < begin || end - begin != bytes)
            throw Bad(path, $"tensor '{property.Name}' takes {bytes} bytes but its offsets are {begin} to {end}");
        return new Entry(property.Name, type.Type, sizes, begin, end);
    }

    private static long Integer(JsonElement element, string path)
    {
        // Only plain digits are accepted: some readers of the format take 1e3 and 1.0 for integers, others do not.
        if (element.ValueKind != JsonValueKind.Number
            || !element.TryGetInt64(out var value) || value < 0
            || element.GetRawText().AsSpan().ContainsAnyExceptInRange('0', '9'))
        {
            throw Bad(path, $"'{element.GetRawText()}' is not a non-negative integer");
        }
        return value;
    }

    private static void CheckLayout(List<Entry> entries, long dataLength, string path)
    {
        var at = 0L;
        foreach (var entry in entries)
        {
            if (entry.Begin != at)
            {
                throw Bad(
                    path, $"tensor '{entry.Name}' begins at {entry.Begin} where {at} was expected: tensors overlap or leave a hole");
            }
            at = entry.End;
        }
        if (at != dataLength)
        {
            throw Bad(
                path,
                $"the tensors take {at} bytes but the file holds {dataLength} bytes of data; it is truncated or has something appended");
        }
    }

    private static WeightFormatException Bad(string path, string what) => new($"{path}: {what}.");

    internal sealed record Entry(string Name, ScalarType Type, long[] Shape, long Begin, long End);
}

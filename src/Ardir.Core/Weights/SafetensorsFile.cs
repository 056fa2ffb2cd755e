using System.Buffers;
using System.Buffers.Binary;
using System.Text.Json;

namespace Ardir.Core;

/// <summary>
/// Reads and writes safetensors: the size of the header in 8 bytes, a JSON header, raw little-endian data. Nothing in a file is executed.
/// <see cref="StateDict.Read"/> recognises the format by itself; this is for code that keeps other tensors and texts in such a file, for
/// example the state of a run.
/// </summary>
public static class SafetensorsFile
{
    /// <summary>
    /// Writes to a temporary file, flushes it to the disk and renames it, so that a reader sees either the old file or the complete new
    /// one.
    /// </summary>
    /// <param name="path">The file; its folder is created if it does not exist.</param>
    /// <param name="tensors">The tensors by name, on any device; not changed.</param>
    /// <param name="metadata">Texts to keep beside them; none when null.</param>
    /// <exception cref="ArgumentException">A dtype cannot be expressed in the format.</exception>
    /// <exception cref="IOException">The file cannot be written.</exception>
    /// <exception cref="UnauthorizedAccessException">Access to the file is denied, or it exists and is read-only.</exception>
    public static void Write(
        string path, IReadOnlyDictionary<string, Tensor> tensors, IReadOnlyDictionary<string, string>? metadata = null)
    {
        ArgumentNullException.ThrowIfNull(tensors);
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var ordered = tensors
            .OrderByDescending(pair => TypeOf(pair.Key, pair.Value).Size)
            .ThenBy(pair => pair.Key, StringComparer.Ordinal)
            .Select(pair => (pair.Key, Value: HostRead.OnHost(pair.Value)))
            .ToList();
        var header = Header(ordered, metadata);
        AtomicFile.Write(path, stream =>
        {
            Span<byte> length = stackalloc byte[8];
            BinaryPrimitives.WriteInt64LittleEndian(length, header.Length);
            stream.Write(length);
            stream.Write(header);
            foreach (var (_, value) in ordered) RawTensor.Write(stream, value);
        });
    }

    /// <summary>Reads a file.</summary>
    /// <param name="path">The file.</param>
    /// <returns>All tensors by name, on the CPU, owned by the caller, attached to no dispose scope; and the texts beside them.</returns>
    /// <exception cref="WeightFormatException">The file is damaged or of another format.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static (Dictionary<string, Tensor> Tensors, Dictionary<string, string> Metadata) Read(string path)
    {
        using var stream = File.OpenRead(path);
        var prefix = new byte[8];
        if (stream.ReadAtLeast(prefix, 8, throwOnEndOfStream: false) < 8)
            throw new WeightFormatException($"{path}: only {stream.Length} bytes; not a safetensors file.");
        var length = BinaryPrimitives.ReadUInt64LittleEndian(prefix);
        if (length > SafetensorsHeader.MaxHeaderBytes || (long)length > stream.Length - 8)
        {
            throw new WeightFormatException(
                $"{path}: the header claims {length} bytes, the file has {stream.Length}; it is truncated or not a safetensors file.");
        }
        var json = new byte[(int)length];
        stream.ReadExactly(json);
        var header = SafetensorsHeader.Parse(json, stream.Length - 8 - (long)length, path);
        var tensors = new Dictionary<string, Tensor>(StringComparer.Ordinal);
        try
        {
            foreach (var entry in header.Entries) tensors[entry.Name] = ReadTensor(stream, entry, path);
        }
        catch
        {
            foreach (var tensor in tensors.Values) tensor.Dispose();
            throw;
        }
        return (tensors, header.Metadata);
    }

    private static Tensor ReadTensor(Stream stream, SafetensorsHeader.Entry entry, string path)
    {
        var count = entry.Shape.Aggregate(1L, (product, size) => product * size);
        using var values = RawTensor.Read(stream, entry.Type, count, $"{path}: '{entry.Name}'");
        return values.reshape(entry.Shape).DetachFromDisposeScope();
    }

    private static byte[] Header(List<(string Key, Tensor Value)> ordered, IReadOnlyDictionary<string, string>? metadata)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            if (metadata is { Count: > 0 })
            {
                json.WriteStartObject("__metadata__");
                foreach (var (key, value) in metadata) json.WriteString(key, value);
                json.WriteEndObject();
            }
            var at = 0L;
            foreach (var (name, value) in ordered)
            {
                var (dtype, size) = TypeOf(name, value);
                var end = at + value.numel() * size;
                json.WriteStartObject(name);
                json.WriteString("dtype", dtype);
                json.WriteStartArray("shape");
                foreach (var length in value.shape) json.WriteNumberValue(length);
                json.WriteEndArray();
                json.WriteStartArray("data_offsets");
                json.WriteNumberValue(at);
                json.WriteNumberValue(end);
                json.WriteEndArray();
                json.WriteEndObject();
                at = end;
            }
            json.WriteEndObject();
        }
        // The header is padded with spaces so that the data begins at a multiple of 8.
        var header = new byte[(buffer.WrittenCount + 7) / 8 * 8];
        header.AsSpan().Fill((byte)' ');
        buffer.WrittenSpan.CopyTo(header);
        return header;
    }

    private static (string Name, int Size) TypeOf(string name, Tensor value)
    {
        foreach (var (dtype, (type, size)) in SafetensorsHeader.Types)
            if (type == value.dtype) return (dtype, size);
        throw new ArgumentException($"Tensor '{name}' has dtype {value.dtype}, which safetensors files cannot hold here.", nameof(value));
    }
}

using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Serialization;
using Ardir.Core;

namespace Ardir.Attacks;

/// <summary>
/// The state file of an evaluation: a magic number, a header that says what is evaluated, then one record per finished batch, each with a checksum and
/// flushed to the disk. A process killed while it appends leaves a torn last record, which the next run cuts off; what came before is whole.
/// Appending costs as much as the batch changed, however large the data set is.
/// </summary>
internal sealed partial class EnsembleState : IDisposable
{
    private const ulong Magic = 0x3154534152445241;   // "ARDRAST1"
    private const int MaxRecord = 1 << 30;
    private const int ChecksumBytes = 8;

    private readonly FileStream? _file;

    private EnsembleState(FileStream? file) => _file = file;

    /// <summary>Opens or creates the file and returns what it holds; without a path nothing is kept.</summary>
    public static EnsembleState Open(string? path, IReadOnlyDictionary<string, string> identity, Tensor images, out List<(EnsembleBatch Batch, Tensor? Points)> done)
    {
        done = [];
        if (path is null) return new EnsembleState(null);
        path = Path.GetFullPath(path);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        var file = new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.Read);
        try
        {
            var state = new EnsembleState(file);
            if (file.Length == 0 || !state.Replay(identity, path, images, done))
            {
                file.SetLength(0);
                Span<byte> magic = stackalloc byte[8];
                BinaryPrimitives.WriteUInt64LittleEndian(magic, Magic);
                file.Write(magic);
                state.Append(JsonSerializer.SerializeToUtf8Bytes(new Dictionary<string, string>(identity), StateJson.Default.DictionaryStringString), []);
            }
            return state;
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>Adds a batch; returns once it is on the disk.</summary>
    public void Append(EnsembleBatch batch, Tensor? points)
    {
        if (_file is null) return;
        using var plain = points?.cpu().contiguous();
        Append(JsonSerializer.SerializeToUtf8Bytes(batch, StateJson.Default.EnsembleBatch), plain is null ? [] : plain.bytes);
    }

    public void Dispose() => _file?.Dispose();

    // Record: u32 length of the JSON, u32 length of the data, JSON, data, first 8 bytes of the SHA-256 of all that.
    private void Append(ReadOnlySpan<byte> json, ReadOnlySpan<byte> data)
    {
        var record = new byte[8 + json.Length + data.Length + ChecksumBytes];
        BinaryPrimitives.WriteInt32LittleEndian(record, json.Length);
        BinaryPrimitives.WriteInt32LittleEndian(record.AsSpan(4), data.Length);
        json.CopyTo(record.AsSpan(8));
        data.CopyTo(record.AsSpan(8 + json.Length));
        SHA256.HashData(record.AsSpan(0, record.Length - ChecksumBytes)).AsSpan(0, ChecksumBytes).CopyTo(record.AsSpan(record.Length - ChecksumBytes));
        _file!.Write(record);
        _file.Flush(flushToDisk: true);
    }

    /// <summary>False when not even the header was finished, so that there is nothing to go on with.</summary>
    private bool Replay(IReadOnlyDictionary<string, string> identity, string path, Tensor images, List<(EnsembleBatch, Tensor?)> done)
    {
        var magic = new byte[8];
        if (_file!.ReadAtLeast(magic, 8, throwOnEndOfStream: false) < 8) return false;
        if (BinaryPrimitives.ReadUInt64LittleEndian(magic) != Magic)
            throw new InvalidOperationException($"{path} is not the state of an evaluation. It was left as it is; choose another StatePath.");
        if (Next() is not { } header) return false;
        Identity.EnsureSame(JsonSerializer.Deserialize(header.Json, StateJson.Default.DictionaryStringString)!, identity, path, "Choose another StatePath or delete the file.");
        var whole = _file.Position;
        while (Next() is { } record)
        {
            var batch = JsonSerializer.Deserialize(record.Json, StateJson.Default.EnsembleBatch)!;
            done.Add((batch, Points(record.Data, batch, images)));
            whole = _file.Position;
        }
        _file.SetLength(whole);
        _file.Position = whole;
        return true;
    }

    private static Tensor? Points(byte[] data, EnsembleBatch batch, Tensor images)
    {
        if (batch.Broken.Length == 0) return null;
        long[] shape = [batch.Broken.Length, .. images.shape[1..]];
        var points = empty(shape, images.dtype);
        if (points.bytes.Length != data.Length) throw new InvalidOperationException("A record of the state file does not fit the images.");
        data.CopyTo(points.bytes);
        return points.to(images.device);
    }

    private (byte[] Json, byte[] Data)? Next()
    {
        var lengths = new byte[8];
        if (_file!.ReadAtLeast(lengths, 8, throwOnEndOfStream: false) < 8) return null;
        long json = BinaryPrimitives.ReadInt32LittleEndian(lengths), data = BinaryPrimitives.ReadInt32LittleEndian(lengths.AsSpan(4));
        if (json < 0 || data < 0 || json + data > MaxRecord || _file.Position + json + data + ChecksumBytes > _file.Length) return null;
        var record = new byte[8 + json + data];
        lengths.CopyTo(record, 0);
        var checksum = new byte[ChecksumBytes];
        _file.ReadExactly(record.AsSpan(8));
        _file.ReadExactly(checksum);
        if (!SHA256.HashData(record).AsSpan(0, ChecksumBytes).SequenceEqual(checksum)) return null;
        return (record[8..(int)(8 + json)], record[(int)(8 + json)..]);
    }

    [JsonSerializable(typeof(EnsembleBatch))]
    [JsonSerializable(typeof(Dictionary<string, string>))]
    private sealed partial class StateJson : JsonSerializerContext;
}

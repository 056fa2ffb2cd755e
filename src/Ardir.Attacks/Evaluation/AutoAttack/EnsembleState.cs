using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using Ardir.Core;

namespace Ardir.Attacks;

/// <summary>
/// The state file of an evaluation: a magic number, a header that identifies the evaluation, then one record per finished batch, each
/// with a checksum and flushed to the disk. A process killed while it appends leaves an incomplete last record, which the next run
/// cuts off; all records before it are intact. A bad record that intact ones follow is damage instead, and the later batches depend
/// on it, so the file is refused and left as it is. The cost of an append depends only on what the batch changed, not on the size of
/// the data set.
/// </summary>
internal sealed partial class EnsembleState : IDisposable
{
    private const int MaxRecord = 2_000_000_000;   // bytes, close to the largest .NET array
    private const int ChecksumBytes = 8;

    private static readonly byte[] _magic = "ARDRAST1"u8.ToArray();

    // The JSON of every batch starts with these bytes.
    private static readonly byte[] _beginning = Encoding.ASCII.GetBytes($"{{\"{nameof(EnsembleBatch.Attack)}\":");

    private readonly FileStream? _file;

    private readonly StateOwner? _owner;

    private EnsembleState(FileStream? file, StateOwner? owner) => (_file, _owner) = (file, owner);

    /// <summary>Opens or creates the file and returns the batches in it; without a path nothing is stored.</summary>
    public static EnsembleState Open(
        string? path, IReadOnlyDictionary<string, string> identity, Tensor images, out List<(EnsembleBatch Batch, Tensor? Points)> done)
    {
        done = [];
        if (path is null) return new EnsembleState(null, null);
        path = Path.GetFullPath(path);
        var file = OpenFile(path);
        var state = new EnsembleState(file, StateOwner.Of(path));
        try
        {
            if (file.Length == 0 || !state.Replay(identity, path, images, done))
            {
                file.SetLength(0);
                file.Write(_magic);
                var header = new Dictionary<string, string>(identity);
                state.Append(JsonSerializer.SerializeToUtf8Bytes(header, StateJson.Default.DictionaryStringString), []);
            }
            return state;
        }
        catch
        {
            state.Dispose();
            throw;
        }
    }

    /// <summary>Adds a batch; returns once it is on the disk.</summary>
    public void Append(EnsembleBatch batch, Tensor? points)
    {
        if (_file is null) return;
        Append(EnsembleRecord.Json(batch), EnsembleRecord.Data(batch, points));
    }

    public void Dispose()
    {
        _owner?.Dispose();
        _file?.Dispose();
    }

    private static FileStream OpenFile(string path)
    {
        if (Directory.Exists(path)) throw new IOException($"The state path '{path}' is a folder; expected the path of a file.");
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            // Not shared: interleaved records of two evaluations would be a valid state of neither.
            return new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new IOException(
                $"The state file '{path}' cannot be opened: {e.Message}{StateOwner.Holding(path, e)} Every evaluation needs a file of " +
                "its own, in a folder that can be written.", e);
        }
    }

    // Record: u32 length of the JSON, u32 length of the data, JSON, data, first 8 bytes of the SHA-256 of all that.
    private void Append(ReadOnlySpan<byte> json, ReadOnlySpan<byte> data)
    {
        var record = new byte[8 + json.Length + data.Length + ChecksumBytes];
        BinaryPrimitives.WriteInt32LittleEndian(record, json.Length);
        BinaryPrimitives.WriteInt32LittleEndian(record.AsSpan(4), data.Length);
        json.CopyTo(record.AsSpan(8));
        data.CopyTo(record.AsSpan(8 + json.Length));
        var end = record.Length - ChecksumBytes;
        SHA256.HashData(record.AsSpan(0, end)).AsSpan(0, ChecksumBytes).CopyTo(record.AsSpan(end));
        _file!.Write(record);
        _file.Flush(flushToDisk: true);
    }

    /// <summary>Reads the finished batches. False when not even the header is complete, so that there is nothing to resume.</summary>
    private bool Replay(IReadOnlyDictionary<string, string> identity, string path, Tensor images, List<(EnsembleBatch, Tensor?)> done)
    {
        var magic = new byte[_magic.Length];
        var read = _file!.ReadAtLeast(magic, magic.Length, throwOnEndOfStream: false);
        if (!magic.AsSpan(0, read).SequenceEqual(_magic.AsSpan(0, read)))
            throw new InvalidOperationException(
                $"{path} is not the state of an evaluation. It was left as it is; choose another StatePath.");
        if (Next() is not { } header)
        {
            // A header that is complete but wrong, or that intact records follow, was damaged and not cut short by a killed process.
            // The records after it may be days of work, so the file must not be overwritten.
            if (_file.Position > magic.Length + 8 || HasRecordAfter(magic.Length))
                throw new InvalidOperationException(
                    $"The header of {path} is damaged. It was left as it is; choose another StatePath or delete the file.");
            return false;
        }
        var stored = JsonSerializer.Deserialize(header.Json, StateJson.Default.DictionaryStringString)!;
        ResumeGuard.EnsureSame(stored, identity, path, "Choose another StatePath or delete the file.");
        var whole = _file.Position;
        while (Next() is { } record)
        {
            var batch = EnsembleRecord.Batch(record.Json);
            done.Add((batch, EnsembleRecord.Points(record.Data, batch, images)));
            whole = _file.Position;
        }
        if (HasRecordAfter(whole))
            throw new InvalidOperationException(
                $"{path} is damaged at byte {whole}: a record is not as it was written, and whole ones follow it. It was left as it is. " +
                $"Bring back a copy, choose another StatePath, or cut it to {whole} bytes to resume from there.");
        _file.SetLength(whole);
        _file.Position = whole;
        return true;
    }

    /// <summary>Whether an intact record of a batch begins anywhere after a position.</summary>
    private bool HasRecordAfter(long start)
    {
        var window = new byte[1 << 20];
        // The length fields themselves may be damaged, so every position that looks like the beginning of a batch is tried.
        for (var at = start; _file!.Length - at > _beginning.Length; at += window.Length - _beginning.Length)
        {
            _file.Position = at;
            var text = window.AsSpan(0, _file.ReadAtLeast(window, window.Length, throwOnEndOfStream: false));
            for (var from = 0; text[from..].IndexOf(_beginning) is var found and >= 0; from += found + 1)
            {
                _file.Position = Math.Max(start, at + from + found - 8);
                if (Next() is not null) return true;
            }
        }
        return false;
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

    [JsonSerializable(typeof(Dictionary<string, string>))]
    private sealed partial class StateJson : JsonSerializerContext;
}

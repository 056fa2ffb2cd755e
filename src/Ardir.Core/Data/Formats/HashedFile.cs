using System.Security.Cryptography;

namespace Ardir.Core;

/// <summary>
/// A file that is read once from beginning to end while its MD5 is computed, so that checksum and content come from one pass.
/// </summary>
internal sealed class HashedFile : Stream
{
    private readonly string _path;
    private readonly FileStream _file;
#pragma warning disable CA5351 // the checksums to compare with were published as MD5
    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.MD5);
#pragma warning restore CA5351
    private long _position;

    public HashedFile(string path)
    {
        _path = path;
        _file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 1 << 16, FileOptions.SequentialScan);
    }

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => _file.Length;

    public override long Position { get => _position; set => throw new NotSupportedException(); }

    /// <summary>Reads the rest of the file, so that the checksum covers all of it, and describes the file.</summary>
    public DataFile Describe()
    {
        var rest = new byte[1 << 14];
        while (Read(rest) > 0)
        {
            // Read itself adds the bytes to the hash.
        }
        return DataFile.Of(_path, _position, Convert.ToHexStringLower(_hash.GetHashAndReset()));
    }

    /// <summary>Reads the next bytes without moving the position and without hashing them; returns how many there were.</summary>
    public int Peek(Span<byte> into)
    {
        var read = _file.ReadAtLeast(into, into.Length, throwOnEndOfStream: false);
        _file.Position = _position;
        return read;
    }

    public override int Read(Span<byte> buffer)
    {
        var read = _file.Read(buffer);
        _hash.AppendData(buffer[..read]);
        _position += read;
        return read;
    }

    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    public override void Flush()
    {
    }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _file.Dispose();
            _hash.Dispose();
        }
        base.Dispose(disposing);
    }
}

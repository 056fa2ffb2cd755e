namespace Ardir.Core;

/// <summary>Options of <see cref="DatasetDownload"/>.</summary>
public sealed record DownloadOptions
{
    /// <summary>
    /// Expected MD5, 32 hexadecimal digits: the checksum that data sets are published with. It detects damage, but not deliberate
    /// tampering.
    /// </summary>
    /// <value>null by default: not checked.</value>
    public string? Md5 { get; init; }

    /// <summary>Expected SHA-256, 64 hexadecimal digits.</summary>
    /// <value>null by default: not checked.</value>
    public string? Sha256 { get; init; }

    /// <summary>Largest file to accept, in bytes; at least 1.</summary>
    /// <value>16 GiB by default.</value>
    public long MaxBytes { get; init; } = 16L << 30;

    /// <summary>The client to use, for proxies, headers and timeouts. The caller keeps ownership and disposes it.</summary>
    /// <value>null by default: a new client for each download.</value>
    public HttpClient? Client { get; init; }

    internal bool HasChecksum => Md5 is not null || Sha256 is not null;

    internal void Validate()
    {
        Hex(Md5, 32, nameof(Md5));
        Hex(Sha256, 64, nameof(Sha256));
        if (MaxBytes < 1) throw new ArgumentOutOfRangeException(nameof(MaxBytes), MaxBytes, "MaxBytes must be at least 1.");
    }

    private static void Hex(string? value, int digits, string name)
    {
        if (value is not null && (value.Length != digits || !value.All(char.IsAsciiHexDigit)))
            throw new ArgumentException($"{name} is '{value}'; expected {digits} hexadecimal digits.", name);
    }
}

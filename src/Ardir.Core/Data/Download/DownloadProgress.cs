namespace Ardir.Core;

/// <summary>How far a download is.</summary>
public sealed record DownloadProgress
{
    /// <summary>Bytes on disk, including those of an earlier try.</summary>
    public required long Received { get; init; }

    /// <summary>Bytes of the whole file; null when the server does not say.</summary>
    public long? Total { get; init; }
}

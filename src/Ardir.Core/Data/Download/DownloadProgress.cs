namespace Ardir.Core;

/// <summary>Progress of a download.</summary>
public sealed record DownloadProgress
{
    /// <summary>Bytes received, including those of earlier, interrupted calls.</summary>
    public required long Received { get; init; }

    /// <summary>Size of the whole file in bytes; null when the server does not send it.</summary>
    public long? Total { get; init; }
}

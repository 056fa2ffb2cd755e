using System.Security.Cryptography;

namespace Ardir.Core;

/// <summary>A file that a data set was read from, with its checksum.</summary>
public sealed record DataFile
{
    /// <summary>Full path.</summary>
    public required string Path { get; init; }

    /// <summary>Size in bytes.</summary>
    public required long Length { get; init; }

    /// <summary>
    /// MD5 of the content, 32 lower-case hexadecimal digits: the checksum that data sets are published with. It does not protect against
    /// deliberate tampering.
    /// </summary>
    public required string Md5 { get; init; }

    /// <summary>
    /// The published file with this checksum, for example <c>CIFAR-10 test_batch.bin</c>; null when the checksum is none of those that
    /// the library knows.
    /// </summary>
    public string? PublishedAs { get; init; }

    /// <summary>
    /// Whether the file is byte for byte one of the published files that the library knows. Files that were unpacked, converted or
    /// shortened are not, and can still be used.
    /// </summary>
    public bool MatchesPublished => PublishedAs is not null;

#pragma warning disable CA5351 // the checksums to compare with were published as MD5
    internal static DataFile Of(string path, byte[] content) => Of(path, content.Length, Convert.ToHexStringLower(MD5.HashData(content)));
#pragma warning restore CA5351

    internal static DataFile Of(string path, long length, string md5) =>
        new() { Path = System.IO.Path.GetFullPath(path), Length = length, Md5 = md5, PublishedAs = PublishedFiles.Find(md5) };
}

using System.Security.Cryptography;

namespace Ardir.Core;

/// <summary>
/// Downloads a file on explicit request; nothing else in the library accesses the network. A file appears under its name only when it is
/// complete and its checksum is right. The bytes of an interrupted download stay beside it as <c>.name.part</c>, and the next call resumes
/// from them if the server's file is still the same.
/// </summary>
/// <example><code>
/// await DatasetDownload.FileAsync(new Uri("https://example.org/train_32x32.mat"), "data/svhn/train_32x32.mat",
///     new DownloadOptions { Md5 = "e26dedcc434d2e4c54c9b2d4a06d8373" }, progress, cancellationToken);
/// </code></example>
public static class DatasetDownload
{
    private const string KeptRemedy = "It exists already and is left as it is: delete it to download it again.";
    private const string DeletedRemedy = "What arrived was deleted; if it happens again, the file at the address is another one.";

    /// <summary>Downloads one file, unless it exists already.</summary>
    /// <param name="address">An absolute http or https address.</param>
    /// <param name="path">
    /// Where to store the file; missing folders are created. An existing file is compared with the checksum, if one is given, and never
    /// changed.
    /// </param>
    /// <param name="options">Checksums, size limit and client; defaults when null.</param>
    /// <param name="progress">Receives a report after each block of at most 64 KiB.</param>
    /// <param name="cancellationToken">Cancels the download; the bytes that have arrived are kept for the next call.</param>
    /// <returns>The file, with its MD5.</returns>
    /// <exception cref="ArgumentException">The address is not http or https, the path is a folder, or an option is malformed.</exception>
    /// <exception cref="HttpRequestException">The server cannot be reached or refuses.</exception>
    /// <exception cref="DataFormatException">
    /// The checksum is wrong (a wrong download is deleted, an existing file is not), or the file is larger than allowed.
    /// </exception>
    /// <exception cref="IOException">The connection broke, or writing to disk failed; call again to resume.</exception>
    public static async Task<DataFile> FileAsync(
        Uri address,
        string path,
        DownloadOptions? options = null,
        IProgress<DownloadProgress>? progress = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(address);
        ArgumentException.ThrowIfNullOrEmpty(path);
        options ??= new DownloadOptions();
        options.Validate();
        Check(address);
        (path, var folder) = FilePath.Of(path);
        if (File.Exists(path)) return await CheckAsync(path, path, options, KeptRemedy, cancellationToken).ConfigureAwait(false);
        Directory.CreateDirectory(folder);
        var part = new PartialFile(Path.Combine(folder, $".{Path.GetFileName(path)}.part"));
        var own = options.Client is null ? new HttpClient() : null;
        try
        {
            var transfer = new DownloadTransfer(options.Client ?? own!, address, options, progress);
            await transfer.ReceiveAsync(part, cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            own?.Dispose();
        }
        DataFile file;
        try
        {
            file = await CheckAsync(part.Path, path, options, DeletedRemedy, cancellationToken).ConfigureAwait(false);
        }
        catch (DataFormatException)
        {
            part.Delete();
            throw;
        }
        File.Move(part.Path, path);
        part.Delete();
        return file;
    }

    private static void Check(Uri address)
    {
        if (!address.IsAbsoluteUri || address.Scheme is not ("http" or "https"))
            throw new ArgumentException($"'{address}' is not an absolute http or https address.", nameof(address));
    }

    // Computes all checksums in one pass over the file, which can be large.
    private static async Task<DataFile> CheckAsync(
        string path, string name, DownloadOptions options, string remedy, CancellationToken cancellationToken)
    {
#pragma warning disable CA5351 // the checksums to compare with were published as MD5
        using var md5 = IncrementalHash.CreateHash(HashAlgorithmName.MD5);
#pragma warning restore CA5351
        using var sha256 = options.Sha256 is null ? null : IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var length = 0L;
        var file = File.OpenRead(path);
        await using (file.ConfigureAwait(false))
        {
            var buffer = new byte[DownloadTransfer.Chunk];
            for (int read; (read = await file.ReadAsync(buffer, cancellationToken).ConfigureAwait(false)) > 0; length += read)
            {
                md5.AppendData(buffer, 0, read);
                sha256?.AppendData(buffer, 0, read);
            }
        }
        string Compare(string kind, IncrementalHash hash, string? expected)
        {
            var actual = Convert.ToHexStringLower(hash.GetHashAndReset());
            return expected is null || actual.Equals(expected, StringComparison.OrdinalIgnoreCase)
                ? actual
                : throw new DataFormatException($"{name} has {kind} {actual}; expected {expected}. {remedy}");
        }
        var described = DataFile.Of(name, length, Compare("MD5", md5, options.Md5));
        if (sha256 is not null) Compare("SHA-256", sha256, options.Sha256);
        return described;
    }
}

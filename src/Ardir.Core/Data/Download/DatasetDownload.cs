using System.Net;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text;

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
    private const int Chunk = 1 << 16;
    private const int MaxValidator = 1024;

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
        (path, var folder) = Target(address, path);
        if (File.Exists(path)) return await CheckAsync(path, path, options, KeptRemedy, cancellationToken).ConfigureAwait(false);
        Directory.CreateDirectory(folder);
        var part = new PartialFile(Path.Combine(folder, $".{Path.GetFileName(path)}.part"));
        var own = options.Client is null ? new HttpClient() : null;
        try
        {
            await ReceiveAsync(options.Client ?? own!, address, part, options, progress, cancellationToken).ConfigureAwait(false);
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

    private static (string FullPath, string Folder) Target(Uri address, string path)
    {
        if (!address.IsAbsoluteUri || address.Scheme is not ("http" or "https"))
            throw new ArgumentException($"'{address}' is not an absolute http or https address.", nameof(address));
        path = Path.GetFullPath(path);
        if (Path.EndsInDirectorySeparator(path) || Directory.Exists(path) || Path.GetDirectoryName(path) is not { } folder)
            throw new ArgumentException($"'{path}' is a folder; expected the path of a file.", nameof(path));
        return (path, folder);
    }

    private static async Task ReceiveAsync(
        HttpClient client, Uri address, PartialFile part, DownloadOptions options,
        IProgress<DownloadProgress>? progress, CancellationToken cancellationToken)
    {
        var start = part.Resumable(options.HasChecksum);
        using var response = await SendAsync(client, address, start, part.Validator, cancellationToken).ConfigureAwait(false);
        if (start > 0 && response.StatusCode == HttpStatusCode.RequestedRangeNotSatisfiable)
        {
            // Either the part is complete (the process ended before the rename), or the server has a different file now. Starting over is
            // correct in both cases.
            part.Delete();
            await ReceiveAsync(client, address, part, options, progress, cancellationToken).ConfigureAwait(false);
            return;
        }
        response.EnsureSuccessStatusCode();
        start = AcceptedStart(response, address, start);
        var total = response.Content.Headers.ContentLength + start;
        if (total > options.MaxBytes)
            throw new DataFormatException($"{address} has {total} bytes; DownloadOptions.MaxBytes is {options.MaxBytes}.");
        part.Note(response, keep: start > 0);

        var mode = start > 0 ? FileMode.Open : FileMode.Create;
        var file = new FileStream(part.Path, mode, FileAccess.Write, FileShare.None, bufferSize: 0, useAsync: true);
        await using (file.ConfigureAwait(false))
        {
            file.Position = start;
            var content = await response.Content.ReadAsStreamAsync(cancellationToken).ConfigureAwait(false);
            await using (content.ConfigureAwait(false))
            {
                var received = await CopyAsync(content, file, start, total, options.MaxBytes, progress, cancellationToken)
                    .ConfigureAwait(false);
                if (total is { } expected && received != expected)
                    throw new IOException($"{address}: {received} of {expected} bytes arrived. Call again to resume.");
            }
            file.Flush(flushToDisk: true);
        }
    }

    // A server that does not support ranges, or has a different file now, sends the whole file; what was received before is then dropped.
    private static long AcceptedStart(HttpResponseMessage response, Uri address, long start)
    {
        if (response.StatusCode != HttpStatusCode.PartialContent || response.Content.Headers.ContentRange?.From != start) start = 0;
        if (response.StatusCode == HttpStatusCode.PartialContent && start == 0)
            throw new HttpRequestException($"{address} answered with a part that was not asked for.");
        return start;
    }

    private static async Task<long> CopyAsync(
        Stream from, FileStream to, long received, long? total, long most,
        IProgress<DownloadProgress>? progress, CancellationToken cancellationToken)
    {
        var buffer = new byte[Chunk];
        for (int read; (read = await from.ReadAsync(buffer, cancellationToken).ConfigureAwait(false)) > 0;)
        {
            received += read;
            if (received > most) throw new DataFormatException($"More than DownloadOptions.MaxBytes = {most} bytes arrived.");
            await to.WriteAsync(buffer.AsMemory(0, read), cancellationToken).ConfigureAwait(false);
            progress?.Report(new DownloadProgress { Received = received, Total = total });
        }
        return received;
    }

    private static Task<HttpResponseMessage> SendAsync(
        HttpClient client, Uri address, long start, string? validator, CancellationToken cancellationToken)
    {
        var request = new HttpRequestMessage(HttpMethod.Get, address);
        if (start > 0)
        {
            request.Headers.Range = new RangeHeaderValue(start, null);
            if (validator is not null) request.Headers.TryAddWithoutValidation("If-Range", validator);
        }
        return client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellationToken);
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
            var buffer = new byte[Chunk];
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

    /// <summary>
    /// The bytes received so far, and beside them a file with the server's validator (entity tag or modification date), which identifies
    /// the version of the file that they belong to.
    /// </summary>
    private sealed class PartialFile(string path)
    {
        private readonly string _note = path + ".version";

        public string Path => path;

        public string? Validator { get; private set; }

        /// <summary>
        /// How many bytes the download can resume from. Without a validator, only a checksum can detect that old and new bytes come from
        /// different versions of the file; without either, the download starts over.
        /// </summary>
        public long Resumable(bool checkedAtTheEnd)
        {
            if (!File.Exists(path)) return 0;
            Validator = File.Exists(_note) && new FileInfo(_note).Length <= MaxValidator
                ? File.ReadAllText(_note, Encoding.ASCII)
                : null;
            return Validator is not null || checkedAtTheEnd ? new FileInfo(path).Length : 0;
        }

        public void Note(HttpResponseMessage response, bool keep)
        {
            if (keep) return;
            var tag = response.Headers.ETag is { IsWeak: false } strong
                ? strong.Tag
                : response.Content.Headers.LastModified?.ToString("R");
            if (tag is { Length: <= MaxValidator }) File.WriteAllText(_note, tag, Encoding.ASCII);
            else File.Delete(_note);
        }

        public void Delete()
        {
            File.Delete(path);
            File.Delete(_note);
        }
    }
}

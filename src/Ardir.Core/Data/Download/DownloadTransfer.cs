using System.Net;
using System.Net.Http.Headers;

namespace Ardir.Core;

/// <summary>Brings one file from a server into a partial file, from where an earlier transfer was interrupted.</summary>
internal sealed class DownloadTransfer(
    HttpClient client, Uri address, DownloadOptions options, IProgress<DownloadProgress>? progress)
{
    /// <summary>Bytes that are read at once.</summary>
    public const int Chunk = 1 << 16;

    public async Task ReceiveAsync(PartialFile part, CancellationToken cancellationToken)
    {
        var start = part.Resumable(options.HasChecksum);
        using var response = await SendAsync(start, part.Validator, cancellationToken).ConfigureAwait(false);
        if (start > 0 && response.StatusCode == HttpStatusCode.RequestedRangeNotSatisfiable)
        {
            // Either the part is complete (the process ended before the rename), or the server has a different file now. Starting over is
            // correct in both cases.
            part.Delete();
            await ReceiveAsync(part, cancellationToken).ConfigureAwait(false);
            return;
        }
        response.EnsureSuccessStatusCode();
        start = AcceptedStart(response, start);
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
                var received = await CopyAsync(content, file, total, cancellationToken).ConfigureAwait(false);
                if (total is { } expected && received != expected)
                    throw new IOException($"{address}: {received} of {expected} bytes arrived. Call again to resume.");
            }
            file.Flush(flushToDisk: true);
        }
    }

    // A server that does not support ranges, or has a different file now, sends the whole file; what was received before is then dropped.
    private long AcceptedStart(HttpResponseMessage response, long start)
    {
        if (response.StatusCode != HttpStatusCode.PartialContent || response.Content.Headers.ContentRange?.From != start) start = 0;
        if (response.StatusCode == HttpStatusCode.PartialContent && start == 0)
            throw new HttpRequestException($"{address} answered with a part that was not asked for.");
        return start;
    }

    private async Task<long> CopyAsync(Stream from, FileStream to, long? total, CancellationToken cancellationToken)
    {
        var (buffer, received) = (new byte[Chunk], to.Position);
        for (int read; (read = await from.ReadAsync(buffer, cancellationToken).ConfigureAwait(false)) > 0;)
        {
            received += read;
            if (received > options.MaxBytes)
                throw new DataFormatException($"More than DownloadOptions.MaxBytes = {options.MaxBytes} bytes arrived.");
            await to.WriteAsync(buffer.AsMemory(0, read), cancellationToken).ConfigureAwait(false);
            progress?.Report(new DownloadProgress { Received = received, Total = total });
        }
        return received;
    }

    private Task<HttpResponseMessage> SendAsync(long start, string? validator, CancellationToken cancellationToken)
    {
        var request = new HttpRequestMessage(HttpMethod.Get, address);
        if (start > 0)
        {
            request.Headers.Range = new RangeHeaderValue(start, null);
            if (validator is not null) request.Headers.TryAddWithoutValidation("If-Range", validator);
        }
        return client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellationToken);
    }
}

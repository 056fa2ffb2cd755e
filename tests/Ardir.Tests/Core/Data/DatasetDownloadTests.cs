using System.Security.Cryptography;
using Ardir.Core;

namespace Ardir.Tests.Core.Data;

public sealed class DatasetDownloadTests : IDisposable
{
    private static readonly byte[] _content = [.. Enumerable.Range(0, 200_000).Select(i => (byte)(i * 31 >> 3))];
    private readonly TemporaryFolder _folder = new();

    private string Target => _folder.File("sub/data.bin");

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task FileAsync_Whole_ArrivesWithProgressAndLeavesNothingElse()
    {
        using var server = new ScriptedServer(_ => ScriptedServer.Response("200 OK", _content));
        var progress = new ListProgress<DownloadProgress>();
        var file = await DatasetDownload.FileAsync(server.Address, Target, Checked(), progress);
        (await File.ReadAllBytesAsync(Target)).Should().Equal(_content);
        file.Should().BeEquivalentTo(new { Path = Target, Length = 200_000L, Md5 = Md5(_content), MatchesPublished = false });
        progress.Reports[^1].Should().Be(new DownloadProgress { Received = 200_000, Total = 200_000 });
        progress.Reports.Select(report => report.Received).Should().BeInAscendingOrder();
        Directory.GetFiles(_folder.File("sub")).Should().Equal(Target);
        (await DatasetDownload.FileAsync(server.Address, Target, Checked())).Should().Be(file);
        server.Requests.Should().ContainSingle("a file that is there is not fetched again");
    }

    [Theory]
    [InlineData("ETag: \"v1\"", "\"v1\""), InlineData("Last-Modified: Wed, 21 Oct 2015 07:28:00 GMT", "Wed, 21 Oct 2015 07:28:00 GMT"), InlineData(null, null)]
    public async Task FileAsync_ConnectionBreaks_NextCallGoesOn(string? version, string? expected)
    {
        string[] headers = version is null ? [] : [version];
        using var server = new ScriptedServer(request => request.TryGetValue("Range", out var range)
            ? ScriptedServer.Response("206 Partial Content", _content[From(range)..], null, [$"Content-Range: bytes {From(range)}-199999/200000", .. headers])
            : ScriptedServer.Response("200 OK", _content[..70_000], 200_000, headers));
        var broken = () => DatasetDownload.FileAsync(server.Address, Target, Checked());
        (await broken.Should().ThrowAsync<IOException>()).Which.Should().NotBeOfType<DataFormatException>();
        File.Exists(Target).Should().BeFalse();
        await broken();
        (await File.ReadAllBytesAsync(Target)).Should().Equal(_content);
        From(server.Requests[1]["Range"]).Should().BeInRange(1, 70_000);
        server.Requests[1].GetValueOrDefault("If-Range").Should().Be(expected);
        Directory.GetFiles(_folder.File("sub")).Should().Equal(Target);
    }

    [Fact]
    public async Task FileAsync_NeitherVersionNorChecksum_BeginsAgain()
    {
        var first = true;
        using var server = new ScriptedServer(_ => ScriptedServer.Response("200 OK", first ? _content[..50_000] : _content, 200_000));
        var download = () => DatasetDownload.FileAsync(server.Address, Target);
        await download.Should().ThrowAsync<IOException>();
        first = false;
        await download();
        (await File.ReadAllBytesAsync(Target)).Should().Equal(_content);
        server.Requests.Should().OnlyContain(request => !request.ContainsKey("Range"));
    }

    [Theory]
    [InlineData("200 OK"), InlineData("416 Range Not Satisfiable")]
    public async Task FileAsync_ServersFileChanged_BeginsAgain(string answer)
    {
        await LeavePartAsync([1, 2, 3, 4]);
        using var server = new ScriptedServer(request => request.ContainsKey("Range") && answer != "200 OK" ? ScriptedServer.Response(answer, []) : ScriptedServer.Response("200 OK", _content));
        await DatasetDownload.FileAsync(server.Address, Target, Checked());
        (await File.ReadAllBytesAsync(Target)).Should().Equal(_content);
    }

    [Fact]
    public async Task FileAsync_WrongChecksum_KeepsNothing()
    {
        using var server = new ScriptedServer(_ => ScriptedServer.Response("200 OK", _content[..10]));
        var md5 = () => DatasetDownload.FileAsync(server.Address, Target, Checked());
        await md5.Should().ThrowAsync<DataFormatException>().WithMessage($"*data.bin has MD5 {Md5(_content[..10])}; expected {Md5(_content)}*");
        var sha = () => DatasetDownload.FileAsync(server.Address, Target, new DownloadOptions { Sha256 = new string('0', 64) });
        await sha.Should().ThrowAsync<DataFormatException>().WithMessage("*SHA-256*");
        Directory.GetFiles(_folder.File("sub")).Should().BeEmpty();
    }

    [Fact]
    public async Task FileAsync_ExistingFile_IsCheckedAndNeverReplaced()
    {
        await LeavePartAsync([]);
        await File.WriteAllBytesAsync(Target, [9]);
        using var server = new ScriptedServer(_ => ScriptedServer.Response("200 OK", _content));
        var download = () => DatasetDownload.FileAsync(server.Address, Target, Checked());
        await download.Should().ThrowAsync<DataFormatException>().WithMessage("*exists already*delete it*");
        (await File.ReadAllBytesAsync(Target)).Should().Equal(9);
        (await DatasetDownload.FileAsync(server.Address, Target)).Length.Should().Be(1);
        server.Requests.Should().BeEmpty();
    }

    [Fact]
    public async Task FileAsync_Refused_LeavesNoFile()
    {
        using var missing = new ScriptedServer(_ => ScriptedServer.Response("404 Not Found", "gone"u8.ToArray()));
        var download = () => DatasetDownload.FileAsync(missing.Address, Target);
        (await download.Should().ThrowAsync<HttpRequestException>()).Which.StatusCode.Should().Be(System.Net.HttpStatusCode.NotFound);
        using var large = new ScriptedServer(_ => ScriptedServer.Response("200 OK", _content));
        var tooLarge = () => DatasetDownload.FileAsync(large.Address, Target, new DownloadOptions { MaxBytes = 199_999 });
        await tooLarge.Should().ThrowAsync<DataFormatException>().WithMessage("*200000 bytes*MaxBytes*");
        using var chunked = new ScriptedServer(_ => [.. "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"u8, .. _content]);
        var unannounced = () => DatasetDownload.FileAsync(chunked.Address, Target, new DownloadOptions { MaxBytes = 100_000 });
        await unannounced.Should().ThrowAsync<DataFormatException>().WithMessage("*MaxBytes*");
        File.Exists(Target).Should().BeFalse();
    }

    [Fact]
    public async Task FileAsync_Cancelled_KeepsThePartAndTheCallersClient()
    {
        using var server = new ScriptedServer(request => request.TryGetValue("Range", out var range)
            ? ScriptedServer.Response("206 Partial Content", _content[From(range)..], null, $"Content-Range: bytes {From(range)}-199999/200000")
            : ScriptedServer.Response("200 OK", _content, null, "ETag: \"a\""));
        using var client = new HttpClient();
        using var stop = new CancellationTokenSource();
        var download = () => DatasetDownload.FileAsync(server.Address, Target, Checked() with { Client = client }, new ListProgress<DownloadProgress>(_ => stop.Cancel()), stop.Token);
        await download.Should().ThrowAsync<OperationCanceledException>();
        File.Exists(Target).Should().BeFalse();
        await DatasetDownload.FileAsync(server.Address, Target, Checked() with { Client = client });
        (await File.ReadAllBytesAsync(Target)).Should().Equal(_content);
        server.Requests[1].Should().ContainKey("Range");
    }

    [Fact]
    public async Task FileAsync_BadArguments_AreNamed()
    {
        foreach (var (address, options, name) in new[]
        {
            (new Uri("file:///etc/passwd"), new DownloadOptions(), "address"), (new Uri("x", UriKind.Relative), new DownloadOptions(), "address"), (new Uri("http://localhost/"), new DownloadOptions { Md5 = "xyz" }, "Md5"),
            (new Uri("http://localhost/"), new DownloadOptions { Sha256 = new string('g', 64) }, "Sha256"), (new Uri("http://localhost/"), new DownloadOptions { MaxBytes = 0 }, "MaxBytes"),
        })
        {
            var download = () => DatasetDownload.FileAsync(address, Target, options);
            await download.Should().ThrowAsync<ArgumentException>().WithParameterName(name);
        }
        // Said before a byte is fetched, not after the last.
        foreach (var folder in new[] { _folder.Path, _folder.File("new/") })
        {
            var download = () => DatasetDownload.FileAsync(new Uri("http://localhost:1/"), folder);
            await download.Should().ThrowAsync<ArgumentException>().WithParameterName("path").WithMessage("*is a folder*");
        }
    }

    private static DownloadOptions Checked() => new() { Md5 = Md5(_content).ToUpperInvariant(), Sha256 = Convert.ToHexString(SHA256.HashData(_content)) };

    private static int From(string range) => int.Parse(range["bytes=".Length..].TrimEnd('-'));

#pragma warning disable CA5351 // as in the library
    private static string Md5(byte[] content) => Convert.ToHexStringLower(MD5.HashData(content));
#pragma warning restore CA5351

    private async Task LeavePartAsync(byte[] part)
    {
        Directory.CreateDirectory(_folder.File("sub"));
        if (part.Length > 0) await File.WriteAllBytesAsync(_folder.File("sub/.data.bin.part"), part);
    }
}

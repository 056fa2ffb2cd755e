using System.Text;

namespace Ardir.Core;

/// <summary>
/// The bytes received so far, and beside them a file with the server's validator (entity tag or modification date), which identifies
/// the version of the file that they belong to.
/// </summary>
internal sealed class PartialFile(string path)
{
    private const int MaxValidator = 1024;

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

using System.Text;

namespace Ardir.Core;

/// <summary>Recognises the format of a weight file by its first bytes.</summary>
internal static class WeightFile
{
    private const int HeadBytes = 512;
    private const int Start = 32;

    public static WeightContents Read(string path, bool strict)
    {
        if (Directory.Exists(path)) throw new WeightFormatException($"{path} is a folder; expected the path of a file of weights.");
        var head = new byte[HeadBytes];
        int count;
        using (var stream = File.OpenRead(path)) count = stream.ReadAtLeast(head, HeadBytes, throwOnEndOfStream: false);
        if (count == 0) throw new WeightFormatException($"{path} is empty.");
        if (!MayBeSafetensors(head))
        {
            if (What(head.AsSpan(0, count)) is { } other) throw new WeightFormatException($"{path} is {other}");
            if (head is [0x50, 0x4B, ..]) return Named(path, () => TorchZipFile.Read(path, strict));
            if (head is [0x80, <= 5, ..]) return Named(path, () => TorchLegacyFile.Read(path, strict));
        }
        var (tensors, metadata) = SafetensorsFile.Read(path);
        return new WeightContents("safetensors", [.. tensors.Keys], tensors) { Metadata = metadata };
    }

    // This is checked before all other formats: a safetensors file begins with the size of its header, and some size has the same bytes as
    // the beginning of another format.
    private static bool MayBeSafetensors(byte[] head) =>
        BitConverter.ToUInt64(head) <= SafetensorsHeader.MaxHeaderBytes && head[8] == (byte)'{';

    /// <summary>What a file is that is certainly not a weight file, and what to do about it; null when it may be one.</summary>
    private static string? What(ReadOnlySpan<byte> head)
    {
        var text = Encoding.Latin1.GetString(head).TrimStart();
        if (text.StartsWith('<')) return "an HTML page, not weights: the download was redirected or refused. Download the file itself.";
        if (text.StartsWith("version https://git-lfs", StringComparison.Ordinal))
            return "a Git LFS pointer, not the weights it stands for. Fetch them with 'git lfs pull'.";
        if (head.Length > 262 && head[257..262].SequenceEqual("ustar"u8))
            return "a tar archive, the format of PyTorch before 0.1.10. Load and save it again with a newer PyTorch.";
        if (head is [0x1F, 0x8B, ..]) return "packed with gzip: unpack it first.";
        if (head is [0x89, (byte)'H', (byte)'D', (byte)'F', ..]) return "an HDF5 file (Keras), not weights of PyTorch.";
        if (head is [0x93, (byte)'N', (byte)'U', (byte)'M', (byte)'P', (byte)'Y', ..])
            return "an array of numpy, not a dictionary of weights.";
        if (head is [0x80, <= 5, ..] && head.Length > Start && head[..Start].IndexOf(TorchLegacyFile.Magic) < 0)
            return "a pickle, but not one of torch.save. Save the weights with torch.save(model.state_dict(), path) or as safetensors.";
        return Line(head) is { } line
            ? $"a text file, not weights; it begins with '{line}'. A link, a list of parts or an error message may have been saved "
                + "in their place: get the file itself."
            : null;
    }

    /// <summary>The beginning of the first line of a text; null for anything else.</summary>
    private static string? Line(ReadOnlySpan<byte> head)
    {
        const int Shown = 60;
        // A zip archive begins with these two letters and must not be taken for a text, even if it is damaged.
        if (head.StartsWith("PK"u8)) return null;
        var text = head.StartsWith((ReadOnlySpan<byte>)[0xFF, 0xFE])
            ? Encoding.Unicode.GetString(head[2..])
            : Encoding.UTF8.GetString(head);
        // The head of a longer file may end within a character, which is then decoded as U+FFFD, so the end is not checked.
        var checkedLength = head.Length == HeadBytes ? text.Length - 3 : text.Length;
        for (var i = 0; i < checkedLength; i++)
            if (text[i] == '\uFFFD' || (char.IsControl(text[i]) && text[i] is not ('\t' or '\r' or '\n'))) return null;
        var line = text.TrimStart('\uFEFF', ' ', '\t', '\r', '\n').Split('\r', '\n')[0];
        return line.Length > Shown ? line[..Shown] + "..." : line;
    }

    // Errors from the parts of a file do not mention its path, so it is added here.
    private static WeightContents Named(string path, Func<WeightContents> read)
    {
        try
        {
            return read();
        }
        catch (WeightFormatException e) when (!e.Message.StartsWith(path, StringComparison.Ordinal))
        {
            throw new WeightFormatException($"{path}: {e.Message}", e);
        }
    }
}

using System.Text;

namespace Ardir.Core;

/// <summary>Tells formats apart by their first bytes.</summary>
internal static class WeightFile
{
    private const int HeadBytes = 512;

    public static StateDict Read(string path, bool strict)
    {
        var head = new byte[HeadBytes];
        int count;
        using (var stream = File.OpenRead(path)) count = stream.ReadAtLeast(head, HeadBytes, throwOnEndOfStream: false);
        var text = Encoding.Latin1.GetString(head, 0, count).TrimStart();
        if (count == 0) throw new WeightFormatException($"{path} is empty.");
        if (text.StartsWith('<')) throw new WeightFormatException($"{path} is an HTML page, not weights: the download was redirected or refused. Download the file itself.");
        if (text.StartsWith("version https://git-lfs", StringComparison.Ordinal))
            throw new WeightFormatException($"{path} is a Git LFS pointer, not the weights it stands for. Fetch them with 'git lfs pull'.");
        if (count > 262 && head[257..262].AsSpan().SequenceEqual("ustar"u8)) throw new WeightFormatException($"{path} is a tar archive, the format of PyTorch before 0.1.10. Load and save it again with a newer PyTorch.");
        if (head is [0x50, 0x4B, ..]) return Named(path, () => TorchZipFile.Read(path, strict));
        if (head is [0x80, <= 5, ..] && !MayBeSafetensors(head)) return Named(path, () => TorchLegacyFile.Read(path, strict));
        var (tensors, metadata) = SafetensorsFile.Read(path);
        return new StateDict(tensors, tensors.Keys, "safetensors", metadata);
    }

    // A header of 128 bytes begins like a pickle.
    private static bool MayBeSafetensors(byte[] head) => BitConverter.ToUInt64(head) <= SafetensorsHeader.MaxHeaderBytes && head[8] == (byte)'{';

    // What is found deep inside a file does not know its name.
    private static StateDict Named(string path, Func<StateDict> read)
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

using System.Text;
using Ardir.Core;

namespace Ardir.Distillation;

/// <summary>A file that is replaced as a whole at the end of each epoch, so that a killed run leaves either the old content or
/// the new one.</summary>
internal sealed class EpochLogFile
{
    private readonly string _path;

    /// <summary>Makes the folder. Throws now, before hours of training, when the file cannot be written.</summary>
    public EpochLogFile(string path)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(path);
        _path = Path.GetFullPath(path);
        Guard(_path, () =>
        {
            if (Directory.Exists(_path)) throw new IOException("It is a folder; expected the path of a file.");
            EnsureWritable(Path.GetDirectoryName(_path)!);
        });
    }

    public void Write(string text) => Guard(_path, () => AtomicFile.Write(_path, stream => stream.Write(Encoding.UTF8.GetBytes(text))));

    /// <summary>Makes a folder if there is none and tries to write into it.</summary>
    public static void EnsureWritable(string folder)
    {
        Directory.CreateDirectory(folder);
        var path = Path.Combine(folder, $".ardir-{Guid.NewGuid():N}");
        using var probe = new FileStream(path, FileMode.CreateNew, FileAccess.Write, FileShare.None, 1, FileOptions.DeleteOnClose);
    }

    /// <summary>Runs a write; when it fails, the exception says which log it was and what to do.</summary>
    public static void Guard(string path, Action write)
    {
        try
        {
            write();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new IOException(
                $"The training log '{path}' cannot be written: {e.Message} Check the path and the free space. " +
                "The checkpoint, if there is one, is not touched: Fit resumes from it and completes the log.", e);
        }
    }
}

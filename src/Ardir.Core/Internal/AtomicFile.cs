namespace Ardir.Core;

/// <summary>Writes a file so that a reader, or a crash half-way, sees the old content or the new one, never a part.</summary>
internal static class AtomicFile
{
    public static void Write(string path, Action<Stream> write)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        path = Path.GetFullPath(path);
        var folder = Path.GetDirectoryName(path) ?? throw new ArgumentException($"'{path}' is a folder; expected the path of a file.", nameof(path));
        Directory.CreateDirectory(folder);
        // In the same folder, because a rename is atomic only within one file system; under one name, so that a process killed
        // while writing leaves at most one such file, which the next write replaces.
        var temporary = Path.Combine(folder, $".{Path.GetFileName(path)}.tmp");
        try
        {
            using (var stream = new FileStream(temporary, FileMode.Create, FileAccess.Write, FileShare.None))
            {
                write(stream);
                stream.Flush(flushToDisk: true);
            }
            File.Move(temporary, path, overwrite: true);
        }
        catch (Exception e)
        {
            File.Delete(temporary);
            // What .NET makes of EFBIG; for the user it is a disk that takes no more, like the others.
            if (e is ArgumentOutOfRangeException) throw new IOException($"The file system does not take a file of this size: {e.Message}", e);
            throw;
        }
    }
}

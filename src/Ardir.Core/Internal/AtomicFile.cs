namespace Ardir.Core;

/// <summary>Writes a file so that a reader, or a crash half-way, sees the old content or the new one, never a part.</summary>
internal static class AtomicFile
{
    // One writer at a time in this process: between the end of a file and its renaming another could begin to write over it.
    private static readonly Lock _gate = new();

    public static void Write(string path, Action<Stream> write)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        path = Path.GetFullPath(path);
        if (Path.EndsInDirectorySeparator(path) || Directory.Exists(path) || Path.GetDirectoryName(path) is not { } folder)
            throw new ArgumentException($"'{path}' is a folder; expected the path of a file.", nameof(path));
        // A link goes on pointing where it did.
        if (new FileInfo(path).LinkTarget is not null && File.ResolveLinkTarget(path, returnFinalTarget: true) is { } target) (path, folder) = (target.FullName, Path.GetDirectoryName(target.FullName)!);
        var old = new FileInfo(path);
        // A rename asks only whether the folder may be written to.
        if (old is { Exists: true, IsReadOnly: true }) throw new UnauthorizedAccessException($"'{path}' exists and is read-only; nothing was written.");
        if (IsDevice(old))
        {
            using var device = new FileStream(path, FileMode.Open, FileAccess.Write);
            write(device);
            return;
        }
        Directory.CreateDirectory(folder);
        // In the same folder, because a rename is atomic only within one file system; under one name, so that a process killed
        // while writing leaves at most one such file, which the next write replaces.
        var temporary = Path.Combine(folder, $".{Path.GetFileName(path)}.tmp");
        using var turn = _gate.EnterScope();
        var stream = new FileStream(temporary, FileMode.Create, FileAccess.Write, FileShare.None);   // outside of the try: what another writer holds is not ours to delete
        try
        {
            using (stream)
            {
                // What only some may read stays so.
                if (!OperatingSystem.IsWindows() && old.Exists) File.SetUnixFileMode(stream.SafeFileHandle, old.UnixFileMode);
                write(stream);
                stream.Flush(flushToDisk: true);
                // Still locked, so that no other process comes in between; Windows does not rename what is open.
                if (!OperatingSystem.IsWindows()) File.Move(temporary, path, overwrite: true);
            }
            if (OperatingSystem.IsWindows()) File.Move(temporary, path, overwrite: true);
        }
        catch (Exception e)
        {
            File.Delete(temporary);
            // What .NET makes of EFBIG; for the user it is a disk that takes no more, like the others.
            if (e is ArgumentOutOfRangeException) throw new IOException($"The file system does not take a file of this size: {e.Message}", e);
            throw;
        }
    }

    // A rename would put a plain file in the place of /dev/null.
    private static bool IsDevice(FileInfo file) => !OperatingSystem.IsWindows() && file is { Exists: true, Length: 0 } && file.FullName.StartsWith("/dev/", StringComparison.Ordinal);
}

namespace Ardir.Core;

/// <summary>Writes a file so that a reader sees the complete old content or the complete new one, even after a crash.</summary>
public static class AtomicFile
{
    // One writer at a time in this process, because a second one could overwrite the temporary file between its completion and its rename.
    private static readonly Lock _gate = new();

    /// <summary>Writes to a temporary file in the same folder, flushes it to the disk and renames it. A link is followed, a device such as
    /// /dev/null written to directly; permissions of an old file stay.</summary>
    /// <param name="path">The file; its folder is created if it does not exist.</param>
    /// <param name="write">Writes the content; where it throws, the old file stays and nothing else is left.</param>
    /// <exception cref="ArgumentException">The path is that of a folder.</exception>
    /// <exception cref="IOException">The file cannot be written.</exception>
    /// <exception cref="UnauthorizedAccessException">Access to the file is denied, or it exists and is read-only.</exception>
    public static void Write(string path, Action<Stream> write)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        ArgumentNullException.ThrowIfNull(write);
        (path, var folder) = FilePath.Of(path);
        // The target of a link is replaced and not the link itself.
        if (new FileInfo(path).LinkTarget is not null && File.ResolveLinkTarget(path, returnFinalTarget: true) is { } target)
            (path, folder) = (target.FullName, Path.GetDirectoryName(target.FullName)!);
        var old = new FileInfo(path);
        // A rename needs write access to the folder only, so it would replace a read-only file.
        if (old is { Exists: true, IsReadOnly: true })
            throw new UnauthorizedAccessException($"'{path}' exists and is read-only; nothing was written.");
        if (IsDevice(old))
        {
            using var device = new FileStream(path, FileMode.Open, FileAccess.Write);
            write(device);
            return;
        }
        Directory.CreateDirectory(folder);
        Replace(old, folder, write);
    }

    private static void Replace(FileInfo old, string folder, Action<Stream> write)
    {
        var path = old.FullName;
        // In the same folder, because a rename is atomic only within one file system. Always under the same name, so that a process killed
        // while writing leaves at most one such file, which the next write replaces.
        var temporary = Path.Combine(folder, $".{Path.GetFileName(path)}.tmp");
        using var turn = _gate.EnterScope();
        // Opened outside of the try block, because a temporary file that another process has open must not be deleted here.
        var stream = new FileStream(temporary, FileMode.Create, FileAccess.Write, FileShare.None);
        try
        {
            using (stream)
            {
                // The new file gets the permissions of the old one, so that a private file stays private.
                if (!OperatingSystem.IsWindows() && old.Exists) File.SetUnixFileMode(stream.SafeFileHandle, old.UnixFileMode);
                write(stream);
                stream.Flush(flushToDisk: true);
                // Renamed while the file is still locked, so that no other process can overwrite it first. Windows cannot rename open
                // files.
                if (!OperatingSystem.IsWindows()) File.Move(temporary, path, overwrite: true);
            }
            if (OperatingSystem.IsWindows()) File.Move(temporary, path, overwrite: true);
        }
        catch (Exception e)
        {
            File.Delete(temporary);
            // .NET reports EFBIG (file too large) as ArgumentOutOfRangeException; callers expect IOException, as for a full disk.
            if (e is ArgumentOutOfRangeException)
                throw new IOException($"The file system does not take a file of this size: {e.Message}", e);
            throw;
        }
    }

    // Devices such as /dev/null are written to directly, because a rename would replace them by a regular file.
    private static bool IsDevice(FileInfo file)
    {
        if (OperatingSystem.IsWindows()
            || file is not { Exists: true, Length: 0 }
            || !file.FullName.StartsWith("/dev/", StringComparison.Ordinal))
        {
            return false;
        }
        // Below /dev/ there are also regular files, in /dev/shm for example. Only these have a length that can be set, which changes
        // nothing for an empty one.
        using var stream = new FileStream(file.FullName, FileMode.Open, FileAccess.Write);
        try
        {
            RandomAccess.SetLength(stream.SafeFileHandle, 0);
            return false;
        }
        catch (Exception e) when (e is IOException or NotSupportedException or ArgumentException or UnauthorizedAccessException)
        {
            return true;
        }
    }
}

using System.Diagnostics;
using System.Globalization;

namespace Ardir.Core;

/// <summary>
/// Holds a folder for one run. The lock is a file kept open for itself alone, which the system releases when its process ends in whatever
/// way. Beside
/// it lies a text that says whose it is: for the message, and for file systems that do not lock.
/// </summary>
internal sealed class RunLock : IDisposable
{
    private const int Attempts = 3;

    // The start of one process as two others see it, from the clock and the time since the machine was started.
    private static readonly TimeSpan _tolerance = TimeSpan.FromSeconds(2);

    private readonly FileStream _file;
    private readonly string _path;
    private readonly string _owner;   // what this lock wrote

    private RunLock(FileStream file, string path, string owner) => (_file, _path, _owner) = (file, path, owner);

    /// <summary>Where the owner of a lock is named.</summary>
    public static string OwnerOf(string path) => path + ".owner";

    /// <summary>Takes the lock.</summary>
    /// <param name="path">The file; its folder is made if need be.</param>
    /// <param name="use">What the folder is used for, for the message: "training run".</param>
    /// <returns>The lock, released when disposed; null where no file can be made, so that there is nothing to protect.</returns>
    /// <exception cref="IOException">Another run holds it; the message says which process.</exception>
    public static RunLock? Take(string path, string use)
    {
        path = Path.GetFullPath(path);
        for (var attempt = 1; ; attempt++)
        {
            if (Open(path, use) is not { } file) return null;
            // Between the opening and the locking its holder may have deleted the file, and with it what others can see of this lock.
            if (!File.Exists(path) && attempt < Attempts)
            {
                file.Dispose();
                continue;
            }
            return Own(file, path, use);
        }
    }

    public void Dispose()
    {
        // Where the folder was deleted and made anew, another run may hold the files that are there now.
        var isOurs = Text(OwnerOf(_path)) == _owner;
        // Before the lock is given up: afterwards they may be another's.
        if (isOurs) Delete(OwnerOf(_path));
        if (isOurs && !OperatingSystem.IsWindows()) Delete(_path);
        _file.Dispose();
        if (isOurs && OperatingSystem.IsWindows()) Delete(_path);
    }

    private static FileStream? Open(string path, string use)
    {
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            return new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException e) when (IsHeld(e))
        {
            throw Refused(path, use, Owner(path), e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The lock may be somebody else's who lets nobody open it, in a folder that can be written all the same.
            return Owner(path) is { } owner && IsAlive(owner) ? throw Refused(path, use, owner, e) : null;
        }
    }

    private static RunLock Own(FileStream file, string path, string use)
    {
        // A lock that was free beside an owner who lives: the file system does not lock.
        if (Owner(path) is { } owner && IsAlive(owner))
        {
            file.Dispose();
            throw Refused(path, use, owner, inner: null);
        }
        using var self = Process.GetCurrentProcess();
        // The last line tells the locks of one process apart.
        var text = string.Create(
            CultureInfo.InvariantCulture,
            $"{Environment.ProcessId}\n{Environment.MachineName}\n{self.StartTime.ToUniversalTime():O}\n{Guid.NewGuid():N}\n");
        try
        {
            File.WriteAllText(OwnerOf(path), text);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The lock itself is held; only its owner is not named.
        }
        return new RunLock(file, path, text);
    }

    private static IOException Refused(string path, string use, LockOwner? owner, Exception? inner) => new(
        $"The folder '{Path.GetDirectoryName(path)}' is in use by another {use}{(owner is null ? "" : Of(owner))}. Two at once would " +
        $"overwrite each other's files: wait for it to end, or choose another folder. The lock is '{path}'.", inner);

    private static string Of(LockOwner owner) =>
        $", of process {owner.Process} on {owner.Machine} that was started at {owner.Started:u}";

    private static LockOwner? Owner(string path)
    {
        var lines = Text(OwnerOf(path))?.Split('\n') ?? [];
        return lines.Length > 3 && int.TryParse(lines[0], CultureInfo.InvariantCulture, out var process)
            && DateTimeOffset.TryParse(lines[2], CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var started)
            ? new LockOwner(process, lines[1], started)
            : null;
    }

    private static string? Text(string path)
    {
        try
        {
            return File.ReadAllText(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>Whether it is a process of this machine that still runs, and not another that was given its number. Of other machines
    /// nothing can be known, so that
    /// there only the lock itself counts: a run may go on elsewhere.</summary>
    private static bool IsAlive(LockOwner owner)
    {
        if (!string.Equals(owner.Machine, Environment.MachineName, StringComparison.OrdinalIgnoreCase)) return false;
        try
        {
            using var process = Process.GetProcessById(owner.Process);
            return (process.StartTime.ToUniversalTime() - owner.Started.UtcDateTime).Duration() < _tolerance && !process.HasExited;
        }
        catch (ArgumentException)
        {
            return false;
        }
        catch (InvalidOperationException)
        {
            return false;
        }
        catch (System.Runtime.InteropServices.ExternalException)
        {
            // It runs, as somebody else.
            return true;
        }
    }

    // EWOULDBLOCK of Linux and of macOS, ERROR_SHARING_VIOLATION of Windows.
    private static bool IsHeld(IOException e) => e.HResult is 11 or 35 or unchecked((int)0x80070020);

    private static void Delete(string path)
    {
        try
        {
            File.Delete(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // What is left behind names a process that will have ended.
        }
    }

    private sealed record LockOwner(int Process, string Machine, DateTimeOffset Started);
}

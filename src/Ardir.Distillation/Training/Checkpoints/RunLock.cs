using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using Ardir.Core;

namespace Ardir.Distillation;

/// <summary>
/// Reserves a folder for one run. The lock is a file that is kept open without sharing, so the operating system releases it when the
/// process ends, even by a crash. A text file beside it names the owner: for the error message, and for file systems that do not support
/// locking.
/// </summary>
internal sealed class RunLock : IDisposable
{
    private const int Attempts = 100;

    // Allowed difference between two readings of a process's start time: the system derives it from the clock and the time since boot,
    // so two processes read slightly different values.
    private static readonly TimeSpan _tolerance = TimeSpan.FromSeconds(2);

    private readonly FileStream _file;
    private readonly string _path;
    private readonly string _owner;   // the text that this lock wrote to the owner file

    private RunLock(FileStream file, string path, string owner) => (_file, _path, _owner) = (file, path, owner);

    /// <summary>The path of the file that names the owner of a lock.</summary>
    public static string OwnerOf(string path) => path + ".owner";

    /// <summary>Takes the lock.</summary>
    /// <param name="path">The lock file; its folder is created if necessary.</param>
    /// <param name="use">The purpose of the folder for the message, for example "training run".</param>
    /// <returns>The lock, released when disposed; null where no file can be created, so that there is nothing to protect.</returns>
    /// <exception cref="IOException">Another run holds it; the message says which process.</exception>
    public static RunLock? Take(string path, string use) => TryTake(path, use, out var taken, out var refusal) ? taken : throw refusal;

    /// <summary>Takes the lock unless another run holds it.</summary>
    /// <param name="path">The lock file; its folder is created if necessary.</param>
    /// <param name="use">The purpose of the folder for the message, for example "training run".</param>
    /// <param name="taken">The lock, released when disposed; null where no file can be created, so that there is nothing to
    /// protect.</param>
    /// <param name="refusal">Says which process holds it; null when it was taken.</param>
    /// <returns>false if another run holds it.</returns>
    public static bool TryTake(string path, string use, out RunLock? taken, [NotNullWhen(false)] out IOException? refusal)
    {
        path = Path.GetFullPath(path);
        taken = null;
        for (var attempt = 1; ; attempt++)
        {
            var file = Open(path, use, out refusal);
            if (refusal is not null) return false;
            if (file is null) return true;
            // The previous holder may have deleted the file between our opening and our locking it. Other processes would then not see this
            // lock, so it is taken again.
            if (!IsAt(path, file) && attempt < Attempts)
            {
                file.Dispose();
                continue;
            }
            taken = Own(file, path, use, out refusal);
            return refusal is null;
        }
    }

    public void Dispose()
    {
        // If the folder was deleted and created again, the files in it may belong to another run and must stay.
        var isOurs = Text(OwnerOf(_path)) == _owner;
        // Deleted before the lock is released, because another run may own the files afterwards. Windows cannot delete an open file.
        if (isOurs) Delete(OwnerOf(_path));
        if (isOurs && !OperatingSystem.IsWindows()) Delete(_path);
        _file.Dispose();
        if (isOurs && OperatingSystem.IsWindows()) Delete(_path);
    }

    private static FileStream? Open(string path, string use, out IOException? refusal)
    {
        refusal = null;
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            return new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException e) when (FileLocks.IsHeld(e))
        {
            refusal = Refused(path, use, Owner(path), e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The folder may be writable while the lock file belongs to another user and may not be opened.
            if (Owner(path) is { } owner && IsAlive(owner)) refusal = Refused(path, use, owner, e);
        }
        return null;
    }

    /// <summary>Whether a locked file still has its name, and no other file has.</summary>
    private static bool IsAt(string path, FileStream file)
    {
        // Windows deletes no open file.
        if (OperatingSystem.IsWindows()) return true;
        try
        {
            var mark = Guid.NewGuid().ToByteArray();
            file.SetLength(0);
            file.Write(mark);
            file.Flush();
            // A stream that shares everything asks for no lock.
            using var named = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
            var found = new byte[mark.Length];
            return named.ReadAtLeast(found, found.Length, throwOnEndOfStream: false) == mark.Length && found.AsSpan().SequenceEqual(mark);
        }
        catch (FileNotFoundException)
        {
            return false;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // A full disk, or a file that may be written but not read.
            return File.Exists(path);
        }
    }

    private static RunLock? Own(FileStream file, string path, string use, out IOException? refusal)
    {
        refusal = null;
        // The lock was free although its owner is still running, so this file system does not support locking.
        if (Owner(path) is { } owner && IsAlive(owner))
        {
            file.Dispose();
            refusal = Refused(path, use, owner, inner: null);
            return null;
        }
        using var self = Process.GetCurrentProcess();
        // The last line distinguishes several locks of one process.
        var text = string.Create(
            CultureInfo.InvariantCulture,
            $"{Environment.ProcessId}\n{Environment.MachineName}\n{self.StartTime.ToUniversalTime():O}\n{Guid.NewGuid():N}\n");
        try
        {
            File.WriteAllText(OwnerOf(path), text);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The lock is held all the same; only the name of its owner is missing.
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

    /// <summary>Whether the owner is a process of this machine that still runs, and not a later process with the same id. For an owner on
    /// another machine this cannot be found out, and the answer is false: only the lock itself counts there, so that a run can resume on
    /// another machine.</summary>
    private static bool IsAlive(LockOwner owner)
    {
        if (!string.Equals(owner.Machine, Environment.MachineName, StringComparison.OrdinalIgnoreCase)) return false;
        try
        {
            using var process = Process.GetProcessById(owner.Process);
            return (process.StartTime.ToUniversalTime() - owner.Started.UtcDateTime).Duration() < _tolerance && !HasEnded(process);
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
            // The process exists but belongs to another user.
            return true;
        }
    }

    /// <summary>Whether a process has ended, also if its parent never asked for its exit code: Linux then lists it for ever, as happens
    /// in containers whose first process is no init.</summary>
    private static bool HasEnded(Process process)
    {
        if (process.HasExited) return true;
        if (!OperatingSystem.IsLinux() || Text($"/proc/{process.Id}/stat") is not { } status) return false;
        // The letter of the state comes after the name in parentheses, which may hold any character.
        var state = status.AsSpan(status.LastIndexOf(')') + 1).TrimStart();
        return state is ['Z' or 'X', ..];
    }

    private static void Delete(string path)
    {
        try
        {
            File.Delete(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // A file that cannot be deleted does no harm: it names a process that will have ended.
        }
    }

    private sealed record LockOwner(int Process, string Machine, DateTimeOffset Started);
}

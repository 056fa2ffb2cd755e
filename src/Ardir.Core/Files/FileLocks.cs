namespace Ardir.Core;

/// <summary>Files that are kept open without sharing, so that no other process can open them.</summary>
public static class FileLocks
{
    /// <summary>Whether a file could not be opened because it is held so, by another process or by this one.</summary>
    /// <param name="fault">What opening it threw.</param>
    /// <returns>false for every other fault, such as a missing permission.</returns>
    public static bool IsHeld(Exception fault)
    {
        ArgumentNullException.ThrowIfNull(fault);
        // EWOULDBLOCK on Linux (11) and on macOS (35), ERROR_SHARING_VIOLATION on Windows.
        return fault.HResult is 11 or 35 or unchecked((int)0x80070020);
    }
}

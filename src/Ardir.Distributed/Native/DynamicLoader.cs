using System.Runtime.InteropServices;

namespace Ardir.Distributed;

/// <summary>
/// Opens a shared library so that its symbols are visible to libraries that are opened later. <see cref="NativeLibrary"/> keeps them
/// private, and Open MPI's plug-ins, which take their symbols from libmpi, would not load.
/// </summary>
internal static unsafe partial class DynamicLoader
{
    private const int Now = 2;

    // The flag differs between Linux and macOS.
    private static int Global => OperatingSystem.IsMacOS() ? 0x8 : 0x100;

    /// <summary>Opens a library.</summary>
    /// <param name="name">A file, or a name that the loader looks for in its folders.</param>
    /// <param name="error">Why it could not be opened.</param>
    /// <returns>Its handle; 0 if it could not be opened.</returns>
    public static nint Open(string name, out string error)
    {
        error = "";
        // The first call of a function looks it up, which would forget the error. It also forgets an older one.
        _ = OldLoader ? ErrorOfLibdl() : ErrorOfLibc();
        var opened = OldLoader ? OpenByLibdl(name, Now | Global) : OpenByLibc(name, Now | Global);
        if (opened == 0) error = Marshal.PtrToStringUTF8(OldLoader ? ErrorOfLibdl() : ErrorOfLibc()) ?? "no reason given";
        return opened;
    }

    /// <summary>The file of the library, or program, in which an address lies; null if there is none.</summary>
    public static string? FileOf(nint address)
    {
        // The name and base of the file, and the name and address of the nearest symbol.
        var found = stackalloc nint[4];
        var isKnown = OldLoader ? LookUpByLibdl(address, found) : LookUpByLibc(address, found);
        return isKnown == 0 ? null : Marshal.PtrToStringUTF8(found[0]);
    }

    // glibc before 2.34 has these functions in a library of their own, which later ones keep for old programs.
    private static bool OldLoader { get; } = NativeLibrary.TryLoad("libdl.so.2", out _);

    [LibraryImport("libdl.so.2", EntryPoint = "dlopen", StringMarshalling = StringMarshalling.Utf8)]
    private static partial nint OpenByLibdl(string name, int flags);

    [LibraryImport("libdl.so.2", EntryPoint = "dladdr")]
    private static partial int LookUpByLibdl(nint address, nint* found);

    [LibraryImport("libc", EntryPoint = "dladdr")]
    private static partial int LookUpByLibc(nint address, nint* found);

    [LibraryImport("libdl.so.2", EntryPoint = "dlerror")]
    private static partial nint ErrorOfLibdl();

    [LibraryImport("libc", EntryPoint = "dlopen", StringMarshalling = StringMarshalling.Utf8)]
    private static partial nint OpenByLibc(string name, int flags);

    [LibraryImport("libc", EntryPoint = "dlerror")]
    private static partial nint ErrorOfLibc();
}

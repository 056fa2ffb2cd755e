using System.Runtime.InteropServices;

namespace Ardir.Core;

/// <summary>
/// Keeps native memory that libtorch has freed in the process, so that the next pass finds it there. The C library of most Linux systems
/// (glibc) returns large blocks to the operating system and fetches new ones for the next pass, page by page, which can take longer than
/// the computation itself: the more so for large batches and on virtual machines. Results do not change by a bit.
/// </summary>
/// <remarks>
/// Call <see cref="Keep"/> once at the start of a program: it concerns the whole process, for its lifetime. The process then stays as
/// large as its largest pass has made it, until <see cref="GiveBack"/> (<c>docs/performance.md</c>). Threads that allocate for the first
/// time afterwards share the pools that there are, so that memory is not kept once per thread. The main thread gains most: the pools of
/// others hold blocks up to 64 MiB. Gaps between blocks let the process grow for some dozens of passes; <see cref="GiveBack"/> before each
/// step keeps it small and takes some percent of the time (<c>TrainerOptions.GiveBackMemory</c>). GPU memory is not concerned: libtorch
/// keeps it in any case.
/// </remarks>
/// <example><code>
/// FreedMemory.Keep();                                           // first line of the program
/// </code></example>
public static partial class FreedMemory
{
    // Names and numbers of mallopt(3).
    private const int TrimThreshold = -1;
    private const int MmapThreshold = -3;
    private const int ArenaMax = -8;

    // Blocks below this size come from the pool and go back to it; glibc up to 2.34 refuses more than the second number.
    private const int LargestPooledBlock = 1 << 30;
    private const int LargestPooledBlockOfOldVersions = 1 << 25;

    /// <summary>Whether <see cref="Keep"/> has had an effect in this process.</summary>
    public static bool IsKept { get; private set; }

    /// <summary>Keeps freed memory from now on. Calling it again does nothing.</summary>
    /// <returns>Whether it is kept: true with glibc, false on Windows, macOS and Linux systems with another C library, where nothing
    /// happens.</returns>
    public static bool Keep()
    {
        if (!IsKept) IsKept = OperatingSystem.IsLinux() && WithLibrary(SetOptions);
        return IsKept;
    }

    /// <summary>Gives memory that is free now back to the operating system, for example after a training in a process that lives on. The
    /// next pass has to fetch it again.</summary>
    /// <returns>Whether any memory was given back; false where <see cref="Keep"/> has no effect.</returns>
    public static bool GiveBack() => OperatingSystem.IsLinux() && WithLibrary(() => Trim(0) != 0);

    private static bool SetOptions()
    {
        // From the first option on glibc chooses none of them by itself: without this one each block above 128 KiB would be fetched anew.
        if (SetOption(MmapThreshold, LargestPooledBlock) == 0 && SetOption(MmapThreshold, LargestPooledBlockOfOldVersions) == 0)
            return false;
        // A negative number of bytes that may stay at the end of the heap: any number.
        return SetOption(TrimThreshold, -1) != 0 && SetOption(ArenaMax, 1) != 0;
    }

    private static bool WithLibrary(Func<bool> call)
    {
        try
        {
            return call();
        }
        catch (Exception e) when (e is DllNotFoundException or EntryPointNotFoundException)
        {
            return false;
        }
    }

    [LibraryImport("libc", EntryPoint = "mallopt")]
    private static partial int SetOption(int option, int value);

    [LibraryImport("libc", EntryPoint = "malloc_trim")]
    private static partial int Trim(nuint bytesLeft);
}

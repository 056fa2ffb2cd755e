using System.Runtime.InteropServices;

namespace Ardir.Benchmarks;

/// <summary>Whether glibc gives the memory of a pass back to the system and fetches it again for the next one depends on what happens to lie at the end of
/// the heap, and costs up to two thirds of a pass. Told to keep it, both sides of a comparison are measured without that.</summary>
internal static partial class Allocator
{
    private const int TrimThreshold = -1;
    private const int MapThreshold = -3;

    public static void KeepMemory()
    {
        try
        {
            SetOption(TrimThreshold, int.MaxValue);
            SetOption(MapThreshold, 1 << 25);
        }
        catch (Exception e) when (e is DllNotFoundException or EntryPointNotFoundException)
        {
            Console.Error.WriteLine("The C library has no mallopt: times depend on when the allocator returns memory to the system.");
        }
    }

    [LibraryImport("libc", EntryPoint = "mallopt")]
    private static partial int SetOption(int option, int value);
}

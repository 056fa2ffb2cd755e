using System.Runtime.InteropServices;

namespace Ardir.Distributed;

/// <summary>
/// What happens at each signal, to be put back after foreign code has started. .NET needs its own actions: a null reference, for example,
/// is a memory fault that it turns into an exception. UCX, which Debian's MPICH loads, makes it the end of the process instead.
/// </summary>
internal static unsafe partial class SignalActions
{
    /// <summary>More than any system's struct sigaction, which begins with the address of the handler.</summary>
    public const int ActionBytes = 256;

    private const int Signals = 31;

    /// <summary>The actions as they are now.</summary>
    public static byte[] Save()
    {
        var actions = new byte[Signals * ActionBytes];
        fixed (byte* at = actions)
            for (var signal = 1; signal <= Signals; signal++) _ = Exchange(signal, null, at + ((signal - 1) * ActionBytes));
        return actions;
    }

    /// <summary>Puts those back that were no defaults; for the others a library may have its own.</summary>
    public static void Restore(byte[] actions)
    {
        fixed (byte* at = actions)
        {
            for (var signal = 1; signal <= Signals; signal++)
            {
                var saved = at + ((signal - 1) * ActionBytes);
                if (*(nint*)saved != 0) _ = Exchange(signal, saved, null);
            }
        }
    }

    [LibraryImport("libc", EntryPoint = "sigaction")]
    private static partial int Exchange(int signal, byte* to, byte* from);
}

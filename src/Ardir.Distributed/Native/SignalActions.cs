using System.Runtime.InteropServices;

namespace Ardir.Distributed;

/// <summary>
/// What happens at each signal, to be put back after foreign code has started. .NET needs its own actions: a null reference, for example,
/// is a memory fault that it turns into an exception. UCX, which Debian's MPICH loads, makes it the end of the process instead, and takes
/// SIGHUP, too. Only what foreign code has taken over is put back, because another thread may begin to listen to a signal meanwhile.
/// </summary>
internal static unsafe partial class SignalActions
{
    /// <summary>More than any system's struct sigaction, which begins with the address of the handler.</summary>
    public const int ActionBytes = 256;

    private const int Signals = 31;
    private const int Fault = 11;
    private const string ListenerOfDotNet = "System.Native";

    /// <summary>The actions as they are now.</summary>
    public static byte[] Save()
    {
        var actions = new byte[Signals * ActionBytes];
        fixed (byte* at = actions)
            for (var signal = 1; signal <= Signals; signal++) _ = Exchange(signal, null, at + ((signal - 1) * ActionBytes));
        return actions;
    }

    /// <summary>Puts those back that were no defaults and are no longer of .NET; for the others a library may have its own.</summary>
    public static void Restore(byte[] actions)
    {
        var now = Save();
        var runtime = DynamicLoader.FileOf(Handler(actions, Fault));
        fixed (byte* at = actions)
        {
            for (var signal = 1; signal <= Signals; signal++)
            {
                var (saved, current) = (Handler(actions, signal), Handler(now, signal));
                if (saved == 0 || saved == current || IsOfDotNet(current, runtime)) continue;
                _ = Exchange(signal, at + ((signal - 1) * ActionBytes), null);
            }
        }
    }

    /// <summary>The address of the handler of a signal; 0 for the default, 1 where the signal is ignored.</summary>
    public static nint Handler(byte[] actions, int signal) => (nint)BitConverter.ToInt64(actions, (signal - 1) * ActionBytes);

    // In a program that is a single file the runtime is in the program itself.
    private static bool IsOfDotNet(nint handler, string? runtime) =>
        DynamicLoader.FileOf(handler) is { } file && (file == runtime || file.Contains(ListenerOfDotNet, StringComparison.Ordinal));

    [LibraryImport("libc", EntryPoint = "sigaction")]
    private static partial int Exchange(int signal, byte* to, byte* from);
}

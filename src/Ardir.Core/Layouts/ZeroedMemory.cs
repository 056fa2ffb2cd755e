using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;

namespace Ardir.Core;

/// <summary>The switch of libtorch's CPU allocator that makes it zero what it allocates.</summary>
internal static class ZeroedMemory
{
    private const string Zero = "FLAGS_caffe2_cpu_allocator_do_zero_fill";

    private static readonly Lock _lock = new();
    private static readonly Lazy<IntPtr> _switch = new(() => Find(Zero));
    private static int _scopes;
    private static byte _before;

    /// <summary>Whether the kernels of this processor may read memory that nobody has set, and the switch is there.</summary>
    public static bool IsWanted => Avx512F.IsSupported && _switch.Value != IntPtr.Zero;

    /// <summary>How many scopes there are in this process.</summary>
    public static int Scopes
    {
        get
        {
            lock (_lock) return _scopes;
        }
    }

    /// <summary>Whether memory is zeroed now.</summary>
    public static bool IsOn => _switch.Value != IntPtr.Zero && Marshal.ReadByte(_switch.Value) != 0;

    public static void Enter()
    {
        lock (_lock)
        {
            if (_scopes++ > 0) return;
            _before = Marshal.ReadByte(_switch.Value);
            Marshal.WriteByte(_switch.Value, 1);
        }
    }

    public static void Leave()
    {
        lock (_lock)
        {
            if (--_scopes == 0) Marshal.WriteByte(_switch.Value, _before);
        }
    }

    /// <summary>The address of a switch of the allocator; zero where it has none of this name. Whoever has a model has loaded
    /// libtorch.</summary>
    /// <param name="name">Its name in C++.</param>
    internal static IntPtr Find(string name)
    {
        // A variable in the global namespace: by its own name with the compilers of Linux, decorated by that of Windows.
        string[] symbols = [name, $"?{name}@@3_NA"];
        using var process = Process.GetCurrentProcess();
        foreach (ProcessModule module in process.Modules)
        {
            if (!IsAllocator(module.ModuleName) || !NativeLibrary.TryLoad(module.FileName, out var library)) continue;
            foreach (var symbol in symbols)
                if (NativeLibrary.TryGetExport(library, symbol, out var address)) return address;
        }
        return IntPtr.Zero;
    }

    private static bool IsAllocator(string name) =>
        name.StartsWith("libc10.so", StringComparison.Ordinal) || string.Equals(name, "c10.dll", StringComparison.OrdinalIgnoreCase);
}

using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;

namespace Ardir.Tests;

/// <summary>On AMD processors of family 26 (Zen 5) libtorch 2.10 may compute convolutions wrongly (docs/backends.md): there its kernels for older processors are used, so that the
/// tests test this library. Who sets the variable decides.</summary>
internal static class ProcessorWorkaround
{
    private const string Variable = "ONEDNN_MAX_CPU_ISA";

    public static void Apply()
    {
        if (!OperatingSystem.IsLinux() || !Avx512F.IsSupported || Family() < 26 || Environment.GetEnvironmentVariable(Variable) is not null) return;
        if (!File.ReadLines("/proc/cpuinfo").Any(line => line.Contains("AuthenticAMD", StringComparison.Ordinal))) return;
        // For processes that the tests start, and for libtorch in this one, which does not see the variables of .NET.
        Environment.SetEnvironmentVariable(Variable, "SSE41");
        _ = SetVariable(Variable, "SSE41", 1);
    }

    // Bits 8 to 11, and 20 to 27 where those are all set.
    private static int Family() => X86Base.CpuId(1, 0) is var (version, _, _, _) && ((version >> 8) & 15) is var family && family == 15 ? 15 + ((version >> 20) & 255) : family;

    [DllImport("libc", EntryPoint = "setenv", CharSet = CharSet.Ansi, BestFitMapping = false, ThrowOnUnmappableChar = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.System32)]
    private static extern int SetVariable(string name, string value, int overwrite);
}

namespace Ardir.Benchmarks;

/// <summary>What a number was measured on.</summary>
internal static class Machine
{
    /// <summary>Processor, cores and vector instructions, the threads of libtorch, and the date.</summary>
    public static string Describe()
    {
        const string Path = "/proc/cpuinfo";
        var lines = File.Exists(Path) ? File.ReadAllLines(Path) : [];
        string Of(string name) => lines.FirstOrDefault(line => line.StartsWith(name, StringComparison.Ordinal))?.Split(':', 2)[1].Trim() ?? "unknown";
        var flags = Of("flags").Split(' ');
        var vectors = flags.Contains("avx512f", StringComparer.Ordinal) ? "AVX-512" : flags.Contains("avx2", StringComparer.Ordinal) ? "AVX2" : "no AVX2";
        return $"{Of("model name")} ({Of("vendor_id")} family {Of("cpu family")} model {Of("model\t")}), {Environment.ProcessorCount} cores, {vectors}; {get_num_threads()} intra-op threads; {DateTime.UtcNow:yyyy-MM-dd}";
    }
}

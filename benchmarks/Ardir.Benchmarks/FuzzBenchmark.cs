using System.Diagnostics;
using System.Globalization;
using System.Text;
using Ardir.Tests;

namespace Ardir.Benchmarks;

/// <summary>
/// Feeds every reader with damaged and hostile files. Anything but the reader's own exception, a slow input, much memory or a tensor left behind is a failure; a native
/// crash ends the process, and the line before tells which reader it was.
/// </summary>
internal static class FuzzBenchmark
{
    private const double SlowSeconds = 5;
    private const long MuchMemory = 1L << 30;
    private const int Round = 500;

    public static int Run(string[] args)
    {
        var (inputs, seed) = (CommandLineValue.Of(args, "--inputs", 100_000), CommandLineValue.Of(args, "--seed", 1));
        set_num_threads(1);
        var folder = Directory.CreateTempSubdirectory("ardir-fuzz-").FullName;
        try
        {
            var fuzzers = FuzzTargets.All(Path.Combine(AppContext.BaseDirectory, "Fuzz"), folder).Select(target => new Fuzzer(target, seed)).ToList();
            if (CommandLineValue.Of(args, "--only") is { } only) fuzzers = [.. fuzzers.Where(fuzzer => fuzzer.Target.Name.Contains(only, StringComparison.OrdinalIgnoreCase))];
            if (fuzzers.Count == 0) throw new ArgumentException("No reader has such a name.", nameof(args));
            var each = (inputs + fuzzers.Count - 1) / fuzzers.Count;
            DisposeScopeManager.Statistics.Reset();
            foreach (var fuzzer in fuzzers)
            {
                Console.Error.WriteLine($"{fuzzer.Target.Name}: {each} inputs");
                if (!Feed(fuzzer, each, seed)) return 1;
            }
            return Report(fuzzers, CommandLineValue.Of(args, "--save"));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static bool Feed(Fuzzer fuzzer, int count, int seed)
    {
        for (var i = 0; i < count; i++)
        {
            if (fuzzer.Feed(i) is { } problem)
            {
                var kept = Path.GetFullPath($"fuzz-{seed}-{i}.bin");
                File.WriteAllBytes(kept, fuzzer.Input(i));
                Console.WriteLine($"{fuzzer.Target.Name}, input {i}: {problem}\nThe input is in {kept}.");
                return false;
            }
            // Refused files leave finalizers and garbage; what a user would see is what stays.
            if (i % Round == Round - 1) GC.Collect();
        }
        return true;
    }

    private static int Report(List<Fuzzer> fuzzers, string? save)
    {
        using var process = Process.GetCurrentProcess();
        var (peak, left) = (process.PeakWorkingSet64, DisposeScopeManager.Statistics.TensorStatistics.ThreadTotalLiveCount);
        var text = new StringBuilder("| reader | inputs | read | refused | slowest (ms) | most managed memory (MiB) |\n|---|---:|---:|---:|---:|---:|\n");
        foreach (var fuzzer in fuzzers)
            text.Append(CultureInfo.InvariantCulture, $"| {fuzzer.Target.Name} | {fuzzer.Read + fuzzer.Refused:N0} | {fuzzer.Read:N0} | {fuzzer.Refused:N0} | {1000 * fuzzer.SlowestSeconds:F0} | {fuzzer.MostBytes / 1048576.0:F1} |\n");
        var (read, refused, slowest) = (fuzzers.Sum(fuzzer => fuzzer.Read), fuzzers.Sum(fuzzer => fuzzer.Refused), fuzzers.Max(fuzzer => fuzzer.SlowestSeconds));
        text.Append(CultureInfo.InvariantCulture,
            $"\n{read + refused:N0} inputs: {read:N0} read, {refused:N0} refused with the readers' own exceptions, nothing else. Slowest {slowest:F2} s (at most {SlowSeconds}), peak of the process {peak >> 20} MiB (at most {MuchMemory >> 20}), tensors left behind {left}.\n");
        Console.Write(text);
        if (save is not null) File.WriteAllText(save, text.ToString());
        return slowest > SlowSeconds || peak > MuchMemory || left != 0 ? 1 : 0;
    }
}

using System.Diagnostics;
using System.Globalization;

namespace Ardir.Benchmarks;

/// <summary>Peak resident memory of training against that of the raw loop, each in a process of its own, and whether it grows.</summary>
internal static class MemoryBenchmark
{
    private const string Mode = "memory-child";
    // A heap grows for some dozens of steps, because what is freed does not fit what comes next.
    private const int Steps = 24;
    private const int Settled = 100;
    private const int Long = 1000;

    /// <summary>Rows of a table: objective, median peak of the raw loop and of the library, whose processes run in turns.</summary>
    /// <param name="speedups">Those of the library.</param>
    /// <param name="processes">How many of each; the allocator's luck moves a peak by a fifth.</param>
    public static IEnumerable<string> Peaks(Speedups speedups, int processes)
    {
        foreach (var objective in Workload.Objectives.Keys)
        {
            Console.Error.WriteLine($"memory: {objective}");
            var (raws, libraries) = (new double[processes], new double[processes]);
            for (var i = 0; i < processes; i++) (raws[i], libraries[i]) = (Child(Mode, "raw", objective)[0], Child([Mode, "ardir", objective, .. speedups.Arguments])[0]);
            Array.Sort(raws);
            Array.Sort(libraries);
            var (raw, ours) = (raws[processes / 2], libraries[processes / 2]);
            yield return string.Create(CultureInfo.InvariantCulture, $"| {objective} | {raw:F0} | {ours:F0} | {ours / raw:F3} | 1.15 |");
        }
    }

    public static string Growth()
    {
        var sizes = Child(Mode, "long", "ARDIR");
        return string.Create(CultureInfo.InvariantCulture, $"{Long:N0} ARDIR steps of the quickstart network: {sizes[0]:F0} MiB resident after {Settled} steps, {sizes[1]:F0} MiB after {Long:N0}.");
    }

    /// <summary>The child: does its steps and prints MiB.</summary>
    public static int Run(string[] args)
    {
        if (args[0] == "ardir" && Speedups.Of(args).KeepsMemory) Core.FreedMemory.Keep();
        set_num_threads(2);
        var loss = Workload.Objectives[args[1]]();
        using var workload = args[0] == "long" ? Workload.Quickstart(loss) : Workload.Large(loss, Speedups.Of(args));
        if (args[0] == "long")
        {
            for (var step = 1; step <= Long; step++)
            {
                workload.Step();
                if (step is Settled or Long) Console.WriteLine(Status("VmRSS"));
            }
            return 0;
        }
        if (args[0] == "raw") workload.KeepRawLoopOnly();
        for (var step = 0; step < Steps; step++)
        {
            if (args[0] == "raw") workload.StepFloor();
            else workload.Step();
        }
        Console.WriteLine(Status("VmHWM"));
        return 0;
    }

    /// <summary>Runs this program once more with other arguments and reads the numbers that it prints, one per line.</summary>
    public static double[] Child(params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo("dotnet", [typeof(MemoryBenchmark).Assembly.Location, .. arguments]) { UseShellExecute = false, RedirectStandardOutput = true })!;
        var text = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        if (process.ExitCode != 0) throw new InvalidOperationException($"The child for {string.Join(' ', arguments)} ended with {process.ExitCode}.");
        return [.. text.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => double.Parse(line, CultureInfo.InvariantCulture))];
    }

    // MiB, from Linux; 0 elsewhere.
    public static string Status(string name)
    {
        const string Path = "/proc/self/status";
        var line = File.Exists(Path) ? File.ReadLines(Path).FirstOrDefault(text => text.StartsWith(name, StringComparison.Ordinal)) : null;
        var kilobytes = line is null ? 0 : long.Parse(line.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture);
        return (kilobytes / 1024.0).ToString("F1", CultureInfo.InvariantCulture);
    }
}

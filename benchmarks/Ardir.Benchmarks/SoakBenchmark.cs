using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using Ardir.Tests;

namespace Ardir.Benchmarks;

/// <summary>
/// The soak in a process of its own, whose end is seen, with the repaired TorchSharp and, when asked for, with TorchSharp as it came. Fails unless the repaired one has no failure, no abort and no
/// result that differs from the quiet run.
/// </summary>
internal static class SoakBenchmark
{
    public static int Run(string[] args)
    {
        var (seconds, without) = (CommandLineValue.Of(args, "--seconds", 600), args.Contains("--without-remedy"));
        var rows = new List<(string Name, SoakReport Report, List<int> Ends)>();
        if (seconds > 0) rows.Add(Repeat("repaired", seconds, asItCame: false));
        if (without) rows.Add(Repeat("as it came", CommandLineValue.Of(args, "--without-remedy-seconds", 120), asItCame: true));
        var text = Text(rows);
        Console.Write(text);
        if (CommandLineValue.Of(args, "--save") is { } save) File.WriteAllText(save, text);
        return rows.TrueForAll(row => !row.Report.KeepsArgumentsAlive || IsClean(row)) ? 0 : 1;
    }

    /// <summary>Starts the process again as often as it dies before its time.</summary>
    private static (string Name, SoakReport Report, List<int> Ends) Repeat(string name, int seconds, bool asItCame)
    {
        var (total, ends, clock) = (new SoakReport { KeepsArgumentsAlive = !asItCame }, new List<int>(), Stopwatch.StartNew());
        while (total.Seconds < seconds && clock.Elapsed.TotalSeconds < 4 * seconds + 300)
        {
            var file = Path.Combine(Path.GetTempPath(), $"ardir-soak-{Environment.ProcessId}.json");
            File.Delete(file);
            var end = Child(seconds - total.Seconds, file, asItCame);
            if (File.Exists(file))
            {
                var report = JsonSerializer.Deserialize<SoakReport>(File.ReadAllText(file))!;
                if (report.KeepsArgumentsAlive == asItCame) throw new InvalidOperationException($"The process '{name}' ran with the wrong TorchSharp (repaired: {report.KeepsArgumentsAlive}).");
                total.Add(report);
                File.Delete(file);
            }
            if (end == 0) break;
            ends.Add(end);
            Console.Error.WriteLine($"{name}: a process ended with exit code {end} after {total.Seconds:F0} s in all");
        }
        return (name, total, ends);
    }

    private static int Child(double seconds, string file, bool asItCame)
    {
        string[] arguments = [typeof(SoakBenchmark).Assembly.Location, "soak-child", seconds.ToString(CultureInfo.InvariantCulture), file, .. asItCame ? new[] { "without-remedy" } : []];
        var start = new ProcessStartInfo("dotnet", arguments) { UseShellExecute = false };
        // A core dump of a process with libtorch in it takes longer than the run.
        start.Environment["DOTNET_DbgEnableMiniDump"] = "0";
        using var process = Process.Start(start)!;
        process.WaitForExit();
        return process.ExitCode;
    }

    private static bool IsClean((string Name, SoakReport Report, List<int> Ends) row) =>
        row.Ends.Count == 0 && row.Report.Failures.IsEmpty && row.Report.Mismatches.IsEmpty && row.Report.PressureFailures.IsEmpty;

    private static string Text(List<(string Name, SoakReport Report, List<int> Ends)> rows)
    {
        var text = new StringBuilder().Append(CultureInfo.InvariantCulture, $"""
            # Beside threads that allocate and collect without pause

            `dotnet run -c Release --project benchmarks/Ardir.Benchmarks -- soak --seconds 600 --without-remedy --save benchmarks/results/soak.md`, {Environment.ProcessorCount} cores
            ({RuntimeInformation.ProcessArchitecture}), {RuntimeInformation.FrameworkDescription}. What runs is in [../README.md](../README.md). How often it fails without the remedy varies with machine and load.

            | TorchSharp | seconds | collections | runs | of these training | failures | results that differ | failures of the allocating threads | ends of the process (exit codes) |
            |---|---:|---:|---:|---:|---:|---:|---:|---|

            """);
        foreach (var (name, report, ends) in rows)
        {
            var exits = ends.Count == 0 ? "0" : $"{ends.Count} ({string.Join(", ", ends.GroupBy(end => end).Select(group => $"{group.Count()} x {group.Key}"))})";
            text.Append(CultureInfo.InvariantCulture,
                $"| {name} | {report.Seconds:F0} | {report.Collections:N0} | {report.Runs.Values.Sum():N0} | {report.Runs.Where(run => run.Key.StartsWith("Fit", StringComparison.Ordinal)).Sum(run => run.Value):N0} | {report.Failures.Values.Sum():N0} | {report.Mismatches.Values.Sum():N0} | {report.PressureFailures.Values.Sum():N0} | {exits} |\n");
        }
        foreach (var (name, report, _) in rows)
        {
            foreach (var (title, counts) in new[] { ("Failures", report.Failures), ("Results that differ", report.Mismatches), ("Failures of the allocating threads", report.PressureFailures) })
            {
                if (counts.IsEmpty) continue;
                text.Append(CultureInfo.InvariantCulture, $"\n{title}, {name}:\n\n");
                foreach (var (what, times) in counts.OrderByDescending(pair => pair.Value).ThenBy(pair => pair.Key, StringComparer.Ordinal)) text.Append(CultureInfo.InvariantCulture, $"- {times} x {what}\n");
            }
        }
        return text.ToString();
    }
}

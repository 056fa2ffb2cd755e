using System.Diagnostics;
using Ardir.Core;

namespace Ardir.Tests;

/// <summary>
/// Attacks and evaluations on one thread and training on another, beside threads that allocate and collect without pause. Whatever is computed is compared, bit for bit, with what the same job
/// computed before in quiet. Training stays on one thread because two runs at once would share libtorch's global generator.
/// </summary>
internal static class Soak
{
    /// <summary>Runs every job in quiet, then one after the other under pressure, round and round.</summary>
    /// <param name="duration">How long, the quiet runs aside. Jobs are not interrupted.</param>
    /// <param name="folder">For states and checkpoints.</param>
    /// <param name="told">Told the counts about once a second, on a thread of its own.</param>
    public static SoakReport Run(TimeSpan duration, string folder, Action<SoakReport>? told = null)
    {
        using var scope = NewDisposeScope();
        var report = new SoakReport { KeepsArgumentsAlive = TorchSharpRuntime.KeepsArgumentsAlive };
        var lists = new[] { SoakAttacks.All(folder), SoakTrainings.All(folder) };
        var quiet = lists.SelectMany(jobs => jobs).ToDictionary(job => job.Name, job => job.Run());
        var (clock, collections) = (Stopwatch.StartNew(), GC.CollectionCount(0));
        using (new GarbagePressure(report))
        {
            var workers = lists.Select(jobs => new Thread(() => Work(jobs, quiet, report, clock, duration))).ToList();
            workers.ForEach(worker => worker.Start());
            while (!workers.TrueForAll(worker => worker.Join(TimeSpan.FromMilliseconds(500)))) Tell();
        }
        Tell();
        return report;

        void Tell()
        {
            (report.Seconds, report.Collections) = (clock.Elapsed.TotalSeconds, GC.CollectionCount(0) - collections);
            told?.Invoke(report);
        }
    }

    private static void Work(List<SoakJob> jobs, Dictionary<string, string> quiet, SoakReport report, Stopwatch clock, TimeSpan duration)
    {
        while (true)
        {
            foreach (var job in jobs)
            {
                if (clock.Elapsed >= duration) return;
                SoakReport.Count(report.Runs, job.Name);
                try
                {
                    if (job.Run() != quiet[job.Name]) SoakReport.Count(report.Mismatches, job.Name);
                }
                catch (Exception e)
                {
                    SoakReport.Count(report.Failures, $"{job.Name}: {SoakReport.Reason(e)}");
                }
            }
        }
    }
}

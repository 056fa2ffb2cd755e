using System.Collections.Concurrent;

namespace Ardir.Tests;

/// <summary>What a soak has counted so far. Counted on several threads.</summary>
internal sealed class SoakReport
{
    /// <summary>Seconds under pressure.</summary>
    public double Seconds { get; set; }

    /// <summary>Garbage collections in that time.</summary>
    public int Collections { get; set; }

    /// <summary>Whether the TorchSharp of the process was repaired.</summary>
    public bool KeepsArgumentsAlive { get; set; }

    /// <summary>Runs by job.</summary>
    public ConcurrentDictionary<string, int> Runs { get; init; } = [];

    /// <summary>Runs that ended in an exception, by its first line.</summary>
    public ConcurrentDictionary<string, int> Failures { get; init; } = [];

    /// <summary>Runs whose result was not that of the quiet run, by job.</summary>
    public ConcurrentDictionary<string, int> Mismatches { get; init; } = [];

    /// <summary>Exceptions in the threads that allocate and collect, which call TorchSharp, too.</summary>
    public ConcurrentDictionary<string, int> PressureFailures { get; init; } = [];

    public static void Count(ConcurrentDictionary<string, int> counts, string name, int times = 1) => counts.AddOrUpdate(name, times, (_, before) => before + times);

    /// <summary>What failed, without the native stack: type and first line of the innermost exception.</summary>
    public static string Reason(Exception failure)
    {
        while (failure.InnerException is { } inner) failure = inner;
        return $"{failure.GetType().Name}: {failure.Message.Split('\n')[0].Trim()}";
    }

    /// <summary>Adds the counts of another process.</summary>
    public void Add(SoakReport other)
    {
        (Seconds, Collections) = (Seconds + other.Seconds, Collections + other.Collections);
        foreach (var (mine, theirs) in new[] { (Runs, other.Runs), (Failures, other.Failures), (Mismatches, other.Mismatches), (PressureFailures, other.PressureFailures) })
            foreach (var (name, times) in theirs) Count(mine, name, times);
    }
}

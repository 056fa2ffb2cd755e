using System.Diagnostics;

namespace Ardir.Tests;

/// <summary>Feeds one reader with inputs and counts. Each input has a seed of its own, so that any of them can be made again.</summary>
internal sealed class Fuzzer(FuzzTarget target, int seed)
{
    public FuzzTarget Target => target;

    public int Read { get; private set; }

    public int Refused { get; private set; }

    public double SlowestSeconds { get; private set; }

    /// <summary>Most managed memory that one input took.</summary>
    public long MostBytes { get; private set; }

    public byte[] Input(int number) => target.Input(new Random(HashCode(number)));

    /// <summary>Feeds one input.</summary>
    /// <returns>What came out that must not; null when all is well.</returns>
    public Exception? Feed(int number)
    {
        var input = Input(number);
        var (before, clock) = (GC.GetAllocatedBytesForCurrentThread(), Stopwatch.StartNew());
        try
        {
            target.Read(input);
            Read++;
        }
        catch (Exception e)
        {
            if (e.GetType() != target.Refusal || string.IsNullOrEmpty(e.Message)) return e;
            Refused++;
        }
        SlowestSeconds = Math.Max(SlowestSeconds, clock.Elapsed.TotalSeconds);
        MostBytes = Math.Max(MostBytes, GC.GetAllocatedBytesForCurrentThread() - before);
        return null;
    }

    // Not System.HashCode, which differs from process to process.
    private int HashCode(int number)
    {
        var hash = (uint)seed;
        foreach (var letter in target.Name) hash = (hash ^ letter) * 16777619;
        return (int)((hash ^ (uint)number) * 2654435761);
    }
}

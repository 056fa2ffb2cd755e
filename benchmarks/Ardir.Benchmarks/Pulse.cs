namespace Ardir.Benchmarks;

/// <summary>Times and their medians.</summary>
internal static class Pulse
{
    public static double Time(Action action)
    {
        var clock = System.Diagnostics.Stopwatch.StartNew();
        action();
        return clock.Elapsed.TotalMilliseconds;
    }

    /// <summary>Times in milliseconds of two jobs that run in turns. Who goes first alternates, so that neither always finds the caches warm.</summary>
    public static (List<double> First, List<double> Second) InTurns(int rounds, Action first, Action second)
    {
        var (ones, others) = (new List<double>(), new List<double>());
        for (var round = 0; round < rounds; round++)
        {
            if (round % 2 == 0) { ones.Add(Time(first)); others.Add(Time(second)); }
            else { others.Add(Time(second)); ones.Add(Time(first)); }
        }
        return (ones, others);
    }

    /// <summary>With linear interpolation.</summary>
    public static double Quartile(IEnumerable<double> values, double share)
    {
        var sorted = values.Order().ToArray();
        var at = share * (sorted.Length - 1);
        return sorted[(int)at] + (at - (int)at) * (sorted[(int)Math.Ceiling(at)] - sorted[(int)at]);
    }

    public static double Median(IEnumerable<double> values)
    {
        var sorted = values.Order().ToArray();
        return (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2;
    }
}

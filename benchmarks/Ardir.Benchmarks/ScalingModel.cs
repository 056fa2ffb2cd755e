using System.Globalization;
using System.Text;

namespace Ardir.Benchmarks;

/// <summary>
/// What more ranks may be expected to reach, from what a step exchanges and assumptions about GPU and network: nothing here is measured except for
/// the number of exchanges and their bytes. docs/distributed.md explains the formula.
/// </summary>
internal static class ScalingModel
{
    private const double Latency = 2e-6;          // of a message between two machines, InfiniBand
    private const double NetworkBandwidth = 20e9; // bytes per second and GPU, of 200 Gbit/s
    private const double HostBandwidth = 20e9;    // bytes per second between GPU and pinned memory

    public static void Write(StringBuilder text, double calls, double bytes)
    {
        text.AppendLine().AppendLine("| seconds of a step on one GPU | 8 GPUs | 64 GPUs | 512 GPUs |").AppendLine("|---:|---:|---:|---:|");
        foreach (var seconds in new[] { 0.1, 0.25, 1 })
        {
            string[] cells = [.. new[] { 8, 64, 512 }.Select(ranks => Efficiency(seconds, ranks, calls, bytes).ToString("P1", CultureInfo.InvariantCulture))];
            text.AppendLine(string.Create(CultureInfo.InvariantCulture, $"| {seconds} | {string.Join(" | ", cells)} |"));
        }
    }

    /// <summary>The share of the time that is spent on training.</summary>
    public static double Efficiency(double seconds, int ranks, double calls, double bytes)
    {
        // Each exchange is preceded by one in which the ranks compare what they call; both pass through log2 of the ranks.
        var latency = calls * 2 * Math.Log2(ranks) * Latency;
        var network = 2.0 * (ranks - 1) / ranks * bytes / NetworkBandwidth;
        var host = 2 * bytes / HostBandwidth;
        return seconds / (seconds + latency + network + host);
    }
}

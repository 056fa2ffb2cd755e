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

    /// <summary>What the formula says of the measured step of two ranks: waiting for the slower one is not in it.</summary>
    /// <param name="text">Receives a sentence.</param>
    /// <param name="step">Of two ranks.</param>
    /// <param name="alone">Images per second of one rank.</param>
    public static void Compare(StringBuilder text, ScalingResult step, double alone)
    {
        var seconds = step.Images / step.Steps / 2 / alone;
        var formula = Efficiency(seconds, 2, step.Calls / (double)step.Steps, step.Bytes / (double)step.Steps);
        text.AppendLine().AppendLine(string.Create(CultureInfo.InvariantCulture,
            $"Of this step the formula says {formula:P1} of the time is spent on training; measured were {step.Rate / 2 / alone:P1}."));
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

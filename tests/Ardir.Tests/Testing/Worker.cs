using System.Diagnostics;

namespace Ardir.Tests;

/// <summary>This assembly as a process of its own.</summary>
internal static class Worker
{
    // Only so that a fault does not hang a build for ever; nothing depends on how fast the machine is.
    private static readonly TimeSpan _cap = TimeSpan.FromMinutes(10);

    public static Process Start(params string[] arguments) =>
        Process.Start(new ProcessStartInfo("dotnet", [typeof(ResumeWorker).Assembly.Location, .. arguments]) { UseShellExecute = false })!;

    /// <summary>Waits until the process ends or something holds.</summary>
    public static void Wait(Process process, Func<bool> enough)
    {
        var clock = Stopwatch.StartNew();
        while (!process.HasExited && !enough())
        {
            clock.Elapsed.Should().BeLessThan(_cap);
            Thread.Sleep(1);
        }
    }
}

using System.Diagnostics;
using System.Globalization;
using Ardir.Core;

namespace Ardir.Benchmarks;

/// <summary>
/// One side of a comparison in a process of its own, because how the C library treats freed memory concerns a whole process:
/// <c>overhead-child floor|ours large|small PGD-10|OBJECTIVE</c>. It does the job once for each line that it reads and answers with milliseconds and live tensors.
/// </summary>
internal sealed class OverheadChild : IDisposable
{
    private readonly Process _process;

    public OverheadChild(string side, string network, string job, Speedups speedups) => _process = Process.Start(
        new ProcessStartInfo("dotnet", [typeof(OverheadChild).Assembly.Location, "overhead-child", side, network, job, .. speedups.Arguments, "--threads", $"{get_num_threads()}"])
        {
            UseShellExecute = false, RedirectStandardInput = true, RedirectStandardOutput = true,
        })!;

    /// <summary>Tensors that the last job has left alive.</summary>
    public double Live { get; private set; }

    /// <summary>Does the job once.</summary>
    /// <returns>Milliseconds.</returns>
    public double Run()
    {
        _process.StandardInput.WriteLine();
        var answer = (_process.StandardOutput.ReadLine() ?? throw new InvalidOperationException($"{_process.StartInfo.ArgumentList[1]} ended early.")).Split(' ');
        Live = double.Parse(answer[1], CultureInfo.InvariantCulture);
        return double.Parse(answer[0], CultureInfo.InvariantCulture);
    }

    public void Dispose()
    {
        _process.StandardInput.Close();
        _process.WaitForExit();
        _process.Dispose();
    }

    /// <summary>The child.</summary>
    public static int Work(string[] args)
    {
        var speedups = Speedups.Of(args);
        var (side, job) = (args[0], args[2]);
        if (side == "ours" && speedups.KeepsMemory) FreedMemory.Keep();
        set_num_threads(CommandLineValue.Of(args, "--threads", 2));
        using var workload = OverheadBenchmark.WorkloadOf(args[1], job, speedups);
        var action = side == "ours" ? OverheadBenchmark.OursOf(workload, job) : OverheadBenchmark.FloorOf(workload, job);
        action();
        action();
        while (Console.ReadLine() is not null)
        {
            var before = DisposeScopeManager.Statistics.TensorStatistics.ThreadTotalLiveCount;
            var time = Pulse.Time(action);
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{time} {DisposeScopeManager.Statistics.TensorStatistics.ThreadTotalLiveCount - before}"));
        }
        return 0;
    }
}

using System.Diagnostics;

namespace Ardir.Tests;

public sealed class EnsembleKillTests : IDisposable
{
    private const int Kills = 5;

    private readonly string _folder = Directory.CreateTempSubdirectory("ardir-kill-").FullName;

    [Fact]
    public void Evaluate_ProcessKilledAgainAndAgain_EndsBitIdentical()
    {
        var random = new Random(17);
        var (whole, killed) = (Path.Combine(_folder, "whole.txt"), Path.Combine(_folder, "killed.txt"));
        Run("whole.state", whole, killAfter: null, 0).Should().Be(0);
        for (var i = 0; i < Kills; i++)
        {
            Run("killed.state", killed, killAfter: random.Next(1, 9), random.Next(0, 25)).Should().NotBe(0);
            File.Exists(killed).Should().BeFalse("it was killed before its end");
        }
        Run("killed.state", killed, killAfter: null, 0).Should().Be(0);
        File.ReadAllLines(killed).Should().Equal(File.ReadAllLines(whole));
        new FileInfo(Path.Combine(_folder, "killed.state")).Length.Should().BePositive();
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    // SIGKILL, some milliseconds after a number of batches: in the middle of whatever comes then.
    private int Run(string state, string result, int? killAfter, int milliseconds)
    {
        var host = Environment.ProcessPath is { } path && Path.GetFileNameWithoutExtension(path) == "dotnet" ? path : "dotnet";
        using var process = Process.Start(new ProcessStartInfo(host, [typeof(EnsembleWorker).Assembly.Location, "ensemble", Path.Combine(_folder, state), result])
        {
            RedirectStandardOutput = true,
            UseShellExecute = false,
        })!;
        var batches = 0;
        while (process.StandardOutput.ReadLine() is not null)
        {
            if (++batches != killAfter) continue;
            Thread.Sleep(milliseconds);
            process.Kill();
        }
        process.WaitForExit();
        if (killAfter is null) process.ExitCode.Should().Be(0);
        return process.ExitCode;
    }
}

using System.Diagnostics;

namespace Ardir.Tests;

/// <summary>Processes that really die: training killed again and again ends as if nothing had happened.</summary>
public sealed class KilledTrainingTests : IDisposable
{
    private const int Kills = 4;

    private readonly TemporaryFolder _folder = new();

    private string Last => _folder.File("run/last.safetensors");

    [Fact]
    public void Fit_KilledAgainAndAgain_EndsBitForBitAsUninterrupted()
    {
        var whole = TrainingWorker.Run(folder: null);
        var result = _folder.File("result.json");
        var random = new Random(20240608);
        for (var kill = 0; kill < Kills; kill++)
        {
            var (seen, checkpoints, held) = (Written(Last), random.Next(1, 6), _folder.File($"held{kill}"));
            using var process = Worker.Start("train", _folder.File("run"), result, held);
            // Only after checkpoints of its own, so that the kills fall into different parts of the run; then at any moment, also while one is written.
            Worker.Wait(process, () =>
            {
                if (Written(Last) is var now && now > seen) (seen, checkpoints) = (now, checkpoints - 1);
                return checkpoints == 0 || File.Exists(held);
            });
            Kill(process);
            File.Exists(result).Should().BeFalse("kill {0} must come before the end", kill);
            File.Exists(Last).Should().BeTrue();
        }
        using (var last = Worker.Start("train", _folder.File("run"), result))
        {
            Worker.Wait(last, () => false);
            last.ExitCode.Should().Be(0);
        }
        File.ReadAllText(result).Should().Be(whole);
    }

    [PosixFact]
    public void Fit_DiskThatFillsUp_SaysSoAndKeepsTheCheckpointBefore()
    {
        using (var process = Worker.Start("train", _folder.File("run"), _folder.File("result.json"), _folder.File("held")))
        {
            Worker.Wait(process, () => File.Exists(_folder.File("held")));
            Kill(process);
        }
        var before = File.ReadAllBytes(Last);
        foreach (var run in new[] { "run", "new" })
        {
            // Files may not grow beyond a few kilobytes: the first checkpoint fails as on a full disk.
            using var full = Process.Start(new ProcessStartInfo("/bin/sh", ["-c", $"trap '' XFSZ; ulimit -f 8; exec dotnet \"{typeof(ResumeWorker).Assembly.Location}\" train \"{_folder.File(run)}\" \"{_folder.File("result.json")}\""])
            {
                UseShellExecute = false, RedirectStandardError = true,
                // The runtime maps its own code through files otherwise, which the limit would forbid.
                Environment = { ["DOTNET_EnableWriteXorExecute"] = "0" },
            })!;
            var error = full.StandardError.ReadToEnd();
            full.WaitForExit();
            full.ExitCode.Should().NotBe(0);
            error.Should().Contain("last.safetensors' cannot be written").And.Contain("free space");
        }
        File.ReadAllBytes(Last).Should().Equal(before);
        File.Exists(_folder.File("new/last.safetensors")).Should().BeFalse("half a file must not have the name of a checkpoint");
    }

    public void Dispose() => _folder.Dispose();

    private static void Kill(Process process)
    {
        process.HasExited.Should().BeFalse("it stands still until it is killed");
        process.Kill();
        process.WaitForExit();
    }

    private static DateTime Written(string path) => File.Exists(path) ? File.GetLastWriteTimeUtc(path) : default;
}

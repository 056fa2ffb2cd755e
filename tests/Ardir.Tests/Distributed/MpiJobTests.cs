using System.Diagnostics;
using System.Globalization;
using Ardir.Core;

namespace Ardir.Tests;

/// <summary>Training and evaluation by several processes: as one process does it, also after one of them was killed.</summary>
public sealed class MpiJobTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [SkippableFact]
    public void Training_ARankKilled_EndsTheJob_AndTheCheckpointResumesByAnyNumberOfRanks()
    {
        _ = MpiLauncher.Of("MPICH");
        var (run, result) = (_folder.File("run"), _folder.File("result"));
        KillOneRank("Open MPI", "train", run, result);
        File.Exists(Path.Combine(run, "last.safetensors")).Should().BeTrue();
        Copy(run, _folder.File("alone"));

        // As many ranks: bit for bit what two ranks compute that nobody kills. Two addends have the same sum in any order.
        var (code, output) = MpiLauncher.Run("MPICH", 2, ["train", run, result]);
        code.Should().Be(0, "the ranks wrote\n{0}", output);
        var whole = DistributedWorld.Train(2, MpiWorker.Training(null));
        File.ReadAllText(result).Should().Be(MpiWorker.Text(whole[0]));

        // One process: what one process computes from the beginning, but for rounding.
        var alone = DistributedWorld.Alone(MpiWorker.Training(_folder.File("alone")));
        var expected = DistributedWorld.Alone(MpiWorker.Training(null));
        DistributedWorld.Same([alone], expected, "resumed by one process");
        DistributedWorld.Same(whole, expected, "two ranks");
    }

    [SkippableFact]
    public void Evaluation_ARankKilled_EndsTheJob_AndTheStateResumesByAnyNumberOfRanks()
    {
        _ = MpiLauncher.Of("Open MPI");
        var (state, result) = (_folder.File("run.state"), _folder.File("result"));
        KillOneRank("MPICH", "evaluate", state, result);
        new FileInfo(state).Length.Should().BePositive();
        File.Copy(state, _folder.File("alone.state"));
        var whole = ResumeWorker.Evaluate(state: null, count: MpiWorker.Images);

        var (code, output) = MpiLauncher.Run("Open MPI", 2, ["evaluate", state, result]);
        code.Should().Be(0, "the ranks wrote\n{0}", output);
        File.ReadAllText(result).Should().Be(whole);
        ResumeWorker.Evaluate(_folder.File("alone.state"), count: MpiWorker.Images).Should().Be(whole);
    }

    private void KillOneRank(string library, string job, string place, string result)
    {
        var held = _folder.File("held");
        using var launcher = MpiLauncher.Start(library, 2, [job, place, result, held]);
        Worker.Wait(launcher, () => File.Exists(held));
        launcher.HasExited.Should().BeFalse("it stands still until a rank is killed");
        using (var rank = Process.GetProcessById(int.Parse(File.ReadAllText($"{held}.process"), CultureInfo.InvariantCulture))) rank.Kill();
        var clock = Stopwatch.StartNew();
        var (code, output) = MpiLauncher.End(launcher);
        clock.Elapsed.Should().BeLessThan(TimeSpan.FromSeconds(30));
        code.Should().NotBe(0);
        output.Should().Contain("signal 9").And.NotContain("finished with");
        WaitForRanks(job == "train" ? Path.Combine(place, "run.lock") : place);
        File.Exists(result).Should().BeFalse();
    }

    // The launcher ends as soon as it has told the other rank to, which holds the files a moment longer.
    private static void WaitForRanks(string file)
    {
        var clock = Stopwatch.StartNew();
        while (IsHeld(file))
        {
            clock.Elapsed.Should().BeLessThan(TimeSpan.FromSeconds(30));
            Thread.Sleep(20);
        }
    }

    private static bool IsHeld(string file)
    {
        try
        {
            using var opened = new FileStream(file, FileMode.Open, FileAccess.ReadWrite, FileShare.None);
            return false;
        }
        catch (IOException e) when (FileLocks.IsHeld(e))
        {
            return true;
        }
    }

    private static void Copy(string from, string to)
    {
        Directory.CreateDirectory(to);
        foreach (var file in Directory.GetFiles(from)) File.Copy(file, Path.Combine(to, Path.GetFileName(file)));
    }
}

using System.Diagnostics;
using System.Globalization;
using Ardir.Distillation;

namespace Ardir.Tests;

/// <summary>One run for each folder, whatever became of the one before.</summary>
public sealed class RunLockTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    private string LockPath => _folder.File("run.lock");

    [Fact]
    public void Take_WhileHeld_NamesTheProcess_AndFreesItAfterwards()
    {
        using (RunLock.Take(LockPath, "training run"))
        {
            FluentActions.Invoking(() => RunLock.Take(LockPath, "training run")).Should().Throw<IOException>()
                .WithMessage($"*'{_folder.Path}' is in use by another training run, of process {Environment.ProcessId} on {Environment.MachineName} that was started at *Z*choose another folder*");
        }
        _folder.Names.Should().BeEmpty("a lock that is given back leaves nothing");
        RunLock.Take(LockPath, "training run")!.Dispose();
    }

    [Fact]
    public void Take_WhatADeadProcessLeft_IsTakenOver()
    {
        foreach (var owner in new[] { Owner(DeadProcess(), Environment.MachineName, Started()), Owner(Environment.ProcessId, Environment.MachineName, Started().AddHours(-3)), "", "damaged\n", "1\n", Owner(Environment.ProcessId, Environment.MachineName, Started()).TrimEnd('\n') })
        {
            File.WriteAllText(LockPath, "");
            File.WriteAllText(RunLock.OwnerOf(LockPath), owner);
            using (RunLock.Take(LockPath, "training run")) File.ReadAllLines(RunLock.OwnerOf(LockPath))[0].Should().Be($"{Environment.ProcessId}");
            _folder.Names.Should().BeEmpty();
        }
    }

    [PosixFact]
    public void Take_OwnerWhoseParentNeverAsksForItsExitCode_IsTakenOver()
    {
        // The shell becomes a program that knows of no child.
        var start = new ProcessStartInfo("sh", ["-c", "sleep 0.1 & echo $!; exec sleep 600"]) { RedirectStandardOutput = true, UseShellExecute = false };
        using var parent = Process.Start(start)!;
        try
        {
            var child = int.Parse(parent.StandardOutput.ReadLine()!, CultureInfo.InvariantCulture);
            using var ended = Process.GetProcessById(child);
            File.WriteAllText(RunLock.OwnerOf(LockPath), Owner(child, Environment.MachineName, ended.StartTime.ToUniversalTime()));
            SpinWait.SpinUntil(Takes, TimeSpan.FromSeconds(30)).Should().BeTrue();
            if (OperatingSystem.IsLinux()) File.Exists($"/proc/{child}/stat").Should().BeTrue("it is still listed");
        }
        finally
        {
            parent.Kill();
        }

        bool Takes()
        {
            if (!RunLock.TryTake(LockPath, "training run", out var taken, out _)) return false;
            taken!.Dispose();
            return true;
        }
    }

    [Fact]
    public void TryTake_WhileOthersReleaseAndTake_IsHeldByOneAtATime()
    {
        var (held, most, taken) = (0, 0, 0);
        var threads = Enumerable.Range(0, 4).Select(_ => new Thread(() =>
        {
            while (Volatile.Read(ref taken) < 200)
            {
                if (!RunLock.TryTake(LockPath, "training run", out var own, out var _)) continue;
                var now = Interlocked.Increment(ref held);
                if (now > Volatile.Read(ref most)) Volatile.Write(ref most, now);
                Interlocked.Increment(ref taken);
                Interlocked.Decrement(ref held);
                own!.Dispose();
            }
        })).ToList();
        threads.ForEach(thread => thread.Start());
        threads.ForEach(thread => thread.Join());
        most.Should().Be(1);
    }

    [Fact]
    public void Take_OwnerOnAnotherMachine_IsTakenOver_BecauseRunsGoOnElsewhere()
    {
        File.WriteAllText(RunLock.OwnerOf(LockPath), Owner(Environment.ProcessId, "another-machine", Started()));
        RunLock.Take(LockPath, "training run")!.Dispose();
    }

    [Fact]
    public void Take_OwnerWhoLives_IsRefused_WhereTheFileSystemDoesNotLock()
    {
        File.WriteAllText(RunLock.OwnerOf(LockPath), Owner(Environment.ProcessId, Environment.MachineName, Started()));
        FluentActions.Invoking(() => RunLock.Take(LockPath, "training run")).Should().Throw<IOException>().WithMessage($"*process {Environment.ProcessId}*");
        _folder.Names.Should().Contain("run.lock.owner", "it is the other's");
    }

    [Fact]
    public void Dispose_WhenTheFolderWasMadeAnew_LeavesTheLockOfAnother()
    {
        var first = RunLock.Take(LockPath, "training run")!;
        Directory.Delete(_folder.Path, recursive: true);
        using (RunLock.Take(LockPath, "training run"))
        {
            first.Dispose();
            _folder.Names.Should().Equal("run.lock", "run.lock.owner");
            FluentActions.Invoking(() => RunLock.Take(LockPath, "training run")).Should().Throw<IOException>();
        }
        _folder.Names.Should().BeEmpty();
    }

    [Fact]
    public void Take_LockThatCannotBeOpened_OfAnOwnerWhoLives_IsRefused()
    {
        // A folder in its place fails as another user's file does, whoever runs the test.
        Directory.CreateDirectory(LockPath);
        RunLock.Take(LockPath, "training run").Should().BeNull("nobody holds it");
        File.WriteAllText(RunLock.OwnerOf(LockPath), Owner(Environment.ProcessId, Environment.MachineName, Started()));
        FluentActions.Invoking(() => RunLock.Take(LockPath, "training run")).Should().Throw<IOException>().WithMessage($"*process {Environment.ProcessId}*");
    }

    [Fact]
    public void Take_WhereNothingCanBeWritten_ProtectsNothing()
    {
        File.WriteAllText(_folder.File("file"), "x");
        RunLock.Take(Path.Combine(_folder.File("file"), "run.lock"), "training run").Should().BeNull();
    }

    [Fact]
    public void Take_InAFolderThatDoesNotExist_MakesIt()
    {
        var path = Path.Combine(_folder.Path, "runs", "first", "run.lock");
        using var held = RunLock.Take(path, "training run");
        held.Should().NotBeNull();
        File.Exists(path).Should().BeTrue();
    }

    [Fact]
    public void Take_BareFileName_IsInTheCurrentFolder()
    {
        var name = $"{Guid.NewGuid():N}.lock";
        using (RunLock.Take(name, "training run"))
        {
            File.Exists(Path.Combine(Directory.GetCurrentDirectory(), name)).Should().BeTrue();
            FluentActions.Invoking(() => RunLock.Take(name, "training run")).Should().Throw<IOException>()
                .WithMessage($"The folder '{Directory.GetCurrentDirectory()}' is in use*");
        }
        File.Exists(name).Should().BeFalse();
    }

    [Fact]
    public void Take_OwnerWhoseStartDiffersByTwoSeconds_IsTheLastThatStillLives()
    {
        // The system tells a process's start anew from the clock each time, so a little difference is no other process.
        void Write(double seconds) => File.WriteAllText(
            RunLock.OwnerOf(LockPath), Owner(Environment.ProcessId, Environment.MachineName, Started().AddSeconds(seconds)));
        foreach (var seconds in new[] { -1.5, 1.5 })
        {
            Write(seconds);
            FluentActions.Invoking(() => RunLock.Take(LockPath, "training run")).Should().Throw<IOException>();
        }
        foreach (var seconds in new[] { -2.5, 2.5 })
        {
            Write(seconds);
            RunLock.Take(LockPath, "training run")!.Dispose();
        }
    }

    [Fact]
    public void Dispose_WhenAnotherNamedItself_LeavesItsFilesButFreesTheLock()
    {
        var first = RunLock.Take(LockPath, "training run")!;
        File.WriteAllText(RunLock.OwnerOf(LockPath), Owner(DeadProcess(), Environment.MachineName, Started()));
        FluentActions.Invoking(() => RunLock.Take(LockPath, "training run")).Should().Throw<IOException>("it is still held");
        first.Dispose();
        _folder.Names.Should().Equal("run.lock", "run.lock.owner");
        RunLock.Take(LockPath, "training run")!.Dispose();
    }

    public void Dispose() => _folder.Dispose();

    private static DateTime Started()
    {
        using var self = Process.GetCurrentProcess();
        return self.StartTime.ToUniversalTime();
    }

    private static int DeadProcess()
    {
        using var process = Process.Start(new ProcessStartInfo(OperatingSystem.IsWindows() ? "cmd" : "true", OperatingSystem.IsWindows() ? "/c exit" : "") { UseShellExecute = false })!;
        process.WaitForExit();
        return process.Id;
    }

    private static string Owner(int process, string machine, DateTime started) => string.Create(CultureInfo.InvariantCulture, $"{process}\n{machine}\n{started:O}\n");
}

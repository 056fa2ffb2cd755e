using Ardir.Distillation;

namespace Ardir.Tests;

/// <summary>Several processes on one folder.</summary>
public sealed class SharedExperimentTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Run_TwoProcesses_ShareTheRunsAndEndAsOne()
    {
        using var alone = new TemporaryFolder();
        var expected = ExperimentWorld.Run(ExperimentWorker.Plan, alone.Path);

        using var first = Start("first");
        using var second = Start("second");
        Worker.Wait(first, () => false);
        Worker.Wait(second, () => false);

        (first.ExitCode, second.ExitCode).Should().Be((0, 0));
        // Each run was done by exactly one of them.
        var done = File.ReadAllLines(_folder.File("first.txt")).Concat(File.ReadAllLines(_folder.File("second.txt"))).ToList();
        done.Should().BeEquivalentTo(
            "teacher 1", "ARDIR 1", "teacher 2", "ARDIR 2", "teacher 3", "ARDIR 3");
        EndsAs(expected);
    }

    [Fact]
    public void Run_ProcessKilledWithinARun_IsTakenOver()
    {
        using var alone = new TemporaryFolder();
        var expected = ExperimentWorld.Run(ExperimentWorker.Plan, alone.Path);
        using (var killed = Start("killed", _folder.File("held")))
        {
            Worker.Wait(killed, () => File.Exists(_folder.File("held")));
            killed.Kill();
            killed.WaitForExit();
        }
        var left = ExperimentResults.Load(ExperimentWorker.Plan, _folder.File("runs-of-both"));
        left.Records.Should().ContainSingle().Which.Method.Should().Be("teacher");

        using var next = Start("next");
        Worker.Wait(next, () => false);

        next.ExitCode.Should().Be(0);
        File.ReadAllLines(_folder.File("next.txt")).Should().BeEquivalentTo("ARDIR 1", "teacher 2", "ARDIR 2", "teacher 3", "ARDIR 3");
        EndsAs(expected);
    }

    private System.Diagnostics.Process Start(string name, params string[] marker) =>
        Worker.Start(["experiment", _folder.File("runs-of-both"), _folder.File(name + ".txt"), .. marker]);

    private void EndsAs(ExperimentResults expected)
    {
        var results = ExperimentResults.Load(ExperimentWorker.Plan, _folder.File("runs-of-both"));
        results.Missing.Should().Be(0);
        foreach (var record in expected.Records)
        {
            var other = results.Find(record.Method, record.Seed)!;
            other.Epochs.Select(epoch => epoch.TrainLoss).Should().Equal(record.Epochs.Select(epoch => epoch.TrainLoss));
            other.Evaluations.Select(evaluation => (evaluation.Attack, evaluation.Weights, evaluation.Correct, evaluation.Robust)).Should()
                .Equal(record.Evaluations.Select(evaluation => (evaluation.Attack, evaluation.Weights, evaluation.Correct, evaluation.Robust)));
        }
        Directory.GetFiles(_folder.File("runs-of-both"), "*", SearchOption.AllDirectories).Select(Path.GetFileName).Distinct().Order().Should()
            .Equal("best.safetensors", "last.safetensors", "run.json");
    }
}

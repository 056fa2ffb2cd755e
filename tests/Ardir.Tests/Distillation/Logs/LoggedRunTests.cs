using Ardir.Core;
using Ardir.Distillation;

namespace Ardir.Tests;

/// <summary>The logs behind a trainer that is stopped, goes on, or whose logs fail.</summary>
public sealed class LoggedRunTests
{
    [Fact]
    public void Fit_History_HoldsTheEpochsDoneSoFar()
    {
        using var student = TrainingWorld.Network();
        using var data = TrainingWorld.Data();
        var progress = new ListProgress<TrainingProgress>();
        using var trainer = new DistillationTrainer(student, null, new StandardTrainingLoss(), TrainingWorld.Options(2));
        var result = trainer.Fit(data, data, progress);
        foreach (var report in progress.Reports)
            report.History.Should().Equal(result.Epochs.Take(report.Epoch + (report.Phase == TrainingPhase.EpochEnd ? 1 : 0)), "it is what was known then");
    }

    [Fact]
    public void Fit_KilledBetweenCheckpointAndLog_CompletesEveryLogOnResume()
    {
        using var folder = new TemporaryFolder();
        using var data = TrainingWorld.Data();
        // The second epoch reaches the checkpoint but no log.
        using (var trainer = Trainer(2, folder, out var student))
        {
            using var _ = student;
            var told = 0;
            var dying = new ListProgress<TrainingProgress>(report => { if (report.Phase == TrainingPhase.EpochEnd && ++told == 2) throw new InvalidOperationException("killed"); });
            var before = new Behind(dying, Logs(folder));
            trainer.Invoking(t => t.Fit(data, data, before)).Should().Throw<InvalidOperationException>().WithMessage("killed");
        }
        Rows(folder).Should().Equal("0");

        // The run is finished: nothing is trained, and the logs catch up.
        var progress = new ListProgress<TrainingProgress>();
        using (var trainer = Trainer(2, folder, out var student))
        {
            using var _ = student;
            trainer.Fit(data, data, TrainingLogs.Combine(progress, Logs(folder))).Epochs.Should().HaveCount(2);
        }
        progress.Reports.Should().ContainSingle().Which.Should().Match<TrainingProgress>(report => report.Phase == TrainingPhase.Resume && report.Epoch == 1 && report.History.Count == 2 && report.Metrics == null && report.Remaining == null);
        Rows(folder).Should().Equal("0", "1");

        using (var trainer = Trainer(3, folder, out var student))
        {
            using var _ = student;
            trainer.Fit(data, data, Logs(folder));
        }
        Rows(folder).Should().Equal("0", "1", "2");
        File.ReadLines(folder.File("log.jsonl")).Should().HaveCount(3);
        var board = Directory.GetFiles(folder.File("board")).Single();
        EventFile.Scalars(board).Where(scalar => scalar.Tag == "clean_accuracy").Select(scalar => scalar.Step).Should().Equal(0, 1, 2);
    }

    [Fact]
    public void Fit_LogThatThrows_SurfacesAfterTheCheckpointOfThatEpochIsSafe()
    {
        using var folder = new TemporaryFolder();
        using var data = TrainingWorld.Data();
        using (var trainer = Trainer(2, folder, out var student))
        {
            using var _ = student;
            var failing = new ListProgress<TrainingProgress>(report => { if (report.Phase == TrainingPhase.EpochEnd) throw new IOException("disk full"); });
            trainer.Invoking(t => t.Fit(data, data, failing)).Should().Throw<IOException>().WithMessage("disk full");
        }
        using (var trainer = Trainer(2, folder, out var student))
        {
            using var _ = student;
            var resumed = new ListProgress<TrainingProgress>();
            trainer.Fit(data, data, resumed).Epochs.Should().HaveCount(2);
            resumed.Reports[0].Should().Match<TrainingProgress>(report => report.Phase == TrainingPhase.Resume && report.History.Count == 1);
            resumed.Reports.Where(report => report.Phase == TrainingPhase.EpochEnd).Select(report => report.Epoch).Should().Equal(1);
        }
    }

    private static DistillationTrainer Trainer(int epochs, TemporaryFolder folder, out PreActResNet student)
    {
        student = TrainingWorld.Network();
        return new DistillationTrainer(student, null, new StandardTrainingLoss(), TrainingWorld.Options(epochs) with { CheckpointDirectory = folder.File("checkpoints") });
    }

    private static IProgress<TrainingProgress> Logs(TemporaryFolder folder) => TrainingLogs.Combine(
        new CsvTrainingLog(folder.File("log.csv")), new JsonLinesTrainingLog(folder.File("log.jsonl")), new TensorBoardTrainingLog(folder.File("board")));

    private static IEnumerable<string> Rows(TemporaryFolder folder) => File.ReadLines(folder.File("log.csv")).Skip(1).Select(line => line[..line.IndexOf(',', StringComparison.Ordinal)]);

    /// <summary>Tells the second only what the first survives, as a process does that dies before it gets to it.</summary>
    private sealed class Behind(IProgress<TrainingProgress> first, IProgress<TrainingProgress> second) : IProgress<TrainingProgress>
    {
        public void Report(TrainingProgress value)
        {
            first.Report(value);
            second.Report(value);
        }
    }
}

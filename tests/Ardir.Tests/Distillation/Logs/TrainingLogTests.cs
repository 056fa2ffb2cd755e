using System.Globalization;
using System.Text.Json;
using Ardir.Distillation;

namespace Ardir.Tests;

/// <summary>What the logs write, value by value, from epochs made by hand.</summary>
public sealed class TrainingLogTests
{
    private static readonly EpochMetrics _first = new()
    {
        Epoch = 0, LearningRate = 0.1, TrainLoss = 1.0 / 3, TrainAccuracy = 0.25, Terms = new Dictionary<string, double> { ["kl"] = 1e-7, ["a,\"b\""] = double.NaN }, Elapsed = TimeSpan.FromSeconds(1.5),
    };

    private static readonly EpochMetrics _second = new()
    {
        Epoch = 1, LearningRate = 0.01, TrainLoss = 0.5, TrainAccuracy = 0.5, CleanAccuracy = 0.75, RobustAccuracy = 0.375,
        Terms = new Dictionary<string, double> { ["kl"] = -1234.5, ["lpips/layer1"] = double.PositiveInfinity }, Elapsed = TimeSpan.FromSeconds(2),
    };

    [Fact]
    public void Csv_TwoEpochs_WritesHeaderRowsEmptyFieldsAndQuotes()
    {
        using var folder = new TemporaryFolder();
        var log = new CsvTrainingLog(folder.File("runs/log.csv"));
        InGerman(() =>
        {
            log.Report(Told(TrainingPhase.EpochEnd, _first));
            log.Report(Told(TrainingPhase.EpochEnd, _first, _second));
        });
        File.ReadAllText(folder.File("runs/log.csv")).Should().Be(
            "epoch,learning_rate,train_loss,train_accuracy,clean_accuracy,robust_accuracy,seconds,\"terms.a,\"\"b\"\"\",terms.kl,terms.lpips/layer1\n" +
            "0,0.1,0.3333333333333333,0.25,,,1.5,NaN,1E-07,\n" +
            "1,0.01,0.5,0.5,0.75,0.375,2,,-1234.5,Infinity\n");
        Directory.GetFileSystemEntries(folder.File("runs")).Should().ContainSingle("no temporary file stays");
    }

    [Fact]
    public void JsonLines_TwoEpochs_WritesOneObjectPerLine()
    {
        using var folder = new TemporaryFolder();
        InGerman(() => new JsonLinesTrainingLog(folder.File("log.jsonl")).Report(Told(TrainingPhase.Resume, _first, _second)));
        var text = File.ReadAllText(folder.File("log.jsonl"));
        text.Should().Be(
            """{"epoch":0,"learning_rate":0.1,"train_loss":0.3333333333333333,"train_accuracy":0.25,"clean_accuracy":null,"robust_accuracy":null,"seconds":1.5,"terms":{"a,\"b\"":"NaN","kl":1E-07}}""" + "\n" +
            """{"epoch":1,"learning_rate":0.01,"train_loss":0.5,"train_accuracy":0.5,"clean_accuracy":0.75,"robust_accuracy":0.375,"seconds":2,"terms":{"kl":-1234.5,"lpips/layer1":"Infinity"}}""" + "\n");
        foreach (var line in text.TrimEnd().Split('\n')) JsonDocument.Parse(line).Dispose();
    }

    [Fact]
    public void TensorBoard_TwoEpochs_WritesEachScalarOnce()
    {
        using var folder = new TemporaryFolder();
        var log = new TensorBoardTrainingLog(folder.File("board"));
        log.Report(Told(TrainingPhase.EpochEnd, _first));
        log.Report(Told(TrainingPhase.EpochEnd, _first, _second));
        EventFile.Scalars(Directory.GetFiles(folder.File("board")).Single()).Should().Equal(
            ("learning_rate", 0, 0.1f, 1), ("train_loss", 0, 1f / 3, 1), ("train_accuracy", 0, 0.25f, 1), ("seconds", 0, 1.5f, 1), ("terms.a,\"b\"", 0, float.NaN, 1), ("terms.kl", 0, 1e-7f, 1),
            ("learning_rate", 1, 0.01f, 3), ("train_loss", 1, 0.5f, 3), ("train_accuracy", 1, 0.5f, 3), ("clean_accuracy", 1, 0.75f, 3), ("robust_accuracy", 1, 0.375f, 3), ("seconds", 1, 2f, 3),
            ("terms.kl", 1, -1234.5f, 3), ("terms.lpips/layer1", 1, float.PositiveInfinity, 3));
    }

    [Fact]
    public void TensorBoard_NewProcess_ReplacesItsOwnFilesOnly()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder.File("events.out.tfevents.1.host"), "of somebody else");
        new TensorBoardTrainingLog(folder.Path).Report(Told(TrainingPhase.EpochEnd, _first));
        // Another object, as after a crash between the checkpoint and the log: the second epoch comes with the resumption.
        new TensorBoardTrainingLog(folder.Path).Report(Told(TrainingPhase.Resume, _first, _second));
        var own = folder.Names.Single(name => name.EndsWith(".ardir", StringComparison.Ordinal));
        folder.Names.Should().HaveCount(2).And.Contain("events.out.tfevents.1.host");
        EventFile.Scalars(folder.File(own)).Where(scalar => scalar.Tag == "train_loss").Select(scalar => scalar.Step).Should().Equal(0, 1);
    }

    [Fact]
    public void TensorBoard_SecondRunOfOneObject_BeginsAnew()
    {
        using var folder = new TemporaryFolder();
        var log = new TensorBoardTrainingLog(folder.Path);
        log.Report(Told(TrainingPhase.EpochEnd, _first));
        log.Report(Told(TrainingPhase.EpochEnd, _first with { TrainLoss = 7 }));
        EventFile.Scalars(folder.File(folder.Names.Single())).Where(scalar => scalar.Tag == "train_loss").Select(scalar => scalar.Value).Should().Equal(7);
    }

    public static TheoryData<string, Func<string, IProgress<TrainingProgress>>> Sinks => new()
    {
        { "csv", path => new CsvTrainingLog(path) }, { "json", path => new JsonLinesTrainingLog(path) }, { "board", path => new TensorBoardTrainingLog(path) },
    };

    [Theory, MemberData(nameof(Sinks))]
    public void Sinks_ReportsInsideAnEpoch_WriteNothing(string name, Func<string, IProgress<TrainingProgress>> create)
    {
        using var folder = new TemporaryFolder();
        var log = create(folder.File(name));
        foreach (var phase in new[] { TrainingPhase.Train, TrainingPhase.Evaluate }) log.Report(Told(phase, _first));
        folder.Names.Where(entry => entry != "board").Should().BeEmpty();
        if (name == "board") Directory.GetFileSystemEntries(folder.File(name)).Should().BeEmpty();
    }

    [Theory, MemberData(nameof(Sinks))]
    public void Sinks_PathThatCannotBeWritten_AreRefusedBeforeTraining(string name, Func<string, IProgress<TrainingProgress>> create)
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder.File("file"), "");
        Record.Exception(() => create(folder.File($"file/{name}"))).Should().BeOfType<IOException>().Which.Message
            .Should().Contain("training log").And.Contain(folder.File($"file/{name}")).And.Contain("Check the path");
        Record.Exception(() => create(" ")).Should().BeOfType<ArgumentException>();
    }

    [Fact]
    public void Csv_PathOfAFolder_IsRefused()
    {
        using var folder = new TemporaryFolder();
        Record.Exception(() => new CsvTrainingLog(folder.Path)).Should().BeOfType<IOException>().Which.Message.Should().Contain("is a folder");
    }

    [Fact]
    public void Combine_OneThatThrows_DoesNotKeepTheOthersFromBeingTold()
    {
        var (before, after) = (new ListProgress<TrainingProgress>(), new ListProgress<TrainingProgress>());
        var failing = new ListProgress<TrainingProgress>(_ => throw new IOException("disk full"));
        var report = Told(TrainingPhase.EpochEnd, _first);
        Record.Exception(() => TrainingLogs.Combine(before, failing, after).Report(report)).Should().BeOfType<IOException>().Which.Message.Should().Be("disk full");
        before.Reports.Should().Equal(report);
        after.Reports.Should().Equal(report);
        Record.Exception(() => TrainingLogs.Combine(failing, failing).Report(report)).Should().BeOfType<AggregateException>().Which.InnerExceptions.Should().HaveCount(2);
    }

    [Fact]
    public void Combine_NothingOrNull_IsRefused()
    {
        Record.Exception(() => TrainingLogs.Combine()).Should().BeOfType<ArgumentException>().Which.Message.Should().Contain("empty");
        Record.Exception(() => TrainingLogs.Combine(new ListProgress<TrainingProgress>(), null!)).Should().BeOfType<ArgumentException>().Which.Message.Should().Contain("logs[1]");
    }

    private static TrainingProgress Told(TrainingPhase phase, params EpochMetrics[] history) => new()
    {
        Phase = phase, Epoch = history[^1].Epoch, Epochs = 9, Step = 1, Steps = 1, Elapsed = TimeSpan.Zero, Metrics = history[^1], History = history,
    };

    private static void InGerman(Action action)
    {
        var before = CultureInfo.CurrentCulture;
        // Not GetCultureInfo("de"): the tests run with invariant globalization.
        CultureInfo.CurrentCulture = new CultureInfo("") { NumberFormat = { NumberDecimalSeparator = ",", NegativeSign = "~" } };
        try
        {
            action();
        }
        finally
        {
            CultureInfo.CurrentCulture = before;
        }
    }
}

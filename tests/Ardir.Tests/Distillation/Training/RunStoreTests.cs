using Ardir.Core;
using Ardir.Distillation;

namespace Ardir.Tests;

/// <summary>When a run saves itself, and which weights it holds for its caller.</summary>
public sealed class RunStoreTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly ImageDataset _data = TrainingWorld.Data();
    private readonly TrainerOptions _options = TrainingWorld.Options(2) with { LearningRate = 0.2 };

    public void Dispose()
    {
        _data.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public void Restore_InMemory_GivesBackTheWeightsOfTheRunThatEndedLast()
    {
        using var student = TrainingWorld.Network();
        using var trainer = Trainer(student, _options with { WeightAveraging = new ExponentialMovingAverage { Decay = 0.5 } });
        for (var run = 0; run < 2; run++)
        {
            trainer.Fit(_data);
            var last = TrainingWorld.State(student);
            for (var time = 0; time < 2; time++)
            {
                trainer.RestoreAverage();
                TrainingWorld.State(student)["linear.bias"].Should().NotEqual(last["linear.bias"]);
                trainer.RestoreLast();
                TrainingWorld.SameState(TrainingWorld.State(student), last);
            }
            // The next run begins with weights that others have replaced.
            trainer.RestoreAverage();
        }
    }

    [Fact]
    public void Restore_OnDisk_GivesBackTheLastWeightsOfTheFile()
    {
        using var student = TrainingWorld.Network();
        using var trainer = Trainer(student, _options with { CheckpointDirectory = _folder.Path });
        trainer.Fit(_data);
        var last = TrainingWorld.State(student);
        using (no_grad()) student.parameters().First().add_(1);
        trainer.RestoreLast();
        TrainingWorld.SameState(TrainingWorld.State(student), last);
    }

    [Fact]
    public void Restore_InMemory_BestOfThisRunReplacesThatOfTheOneBefore()
    {
        using var student = TrainingWorld.Network();
        using var trainer = Trainer(student, _options);
        trainer.Fit(_data);
        trainer.Fit(_data);
        var last = TrainingWorld.State(student);
        trainer.RestoreBest();
        TrainingWorld.SameState(TrainingWorld.State(student), last);
    }

    [Fact]
    public void Restore_StudentThatHasAnotherLayerNow_IsRefusedAndLeavesNoTensorBehind()
    {
        using var student = nn.Sequential(("flat", nn.Flatten()), ("last", nn.Linear(64, 3)));
        using var late = nn.Linear(1, 1);
        using var trainer = new DistillationTrainer(student, null, new StandardTrainingLoss(), _options);
        trainer.Fit(_data);
        student.register_module("late", late);
        LeakAssert.None(() => trainer.Invoking(t => t.RestoreBest()).Should().Throw<WeightFormatException>().WithMessage("the best epoch lacks 'late.*"));
    }

    [Fact]
    public void Dispose_ReleasesWhatWasKeptInMemory() => LeakAssert.None(() =>
    {
        using var student = TrainingWorld.Network();
        using var trainer = Trainer(student, _options with { WeightAveraging = new ExponentialMovingAverage() });
        trainer.Fit(_data);
        trainer.RestoreAverage();
        trainer.Fit(_data);
        trainer.RestoreBest();
        trainer.RestoreAverage();
    });

    [Fact]
    public void NonFiniteLoss_OnDisk_KeepsTheBatchAtFaultAlone()
    {
        using var student = TrainingWorld.Network();
        var calls = 0;
        var loss = new OwnLoss(inputs => new LossTerms(inputs.StudentClean!.Output.square().mean() * (calls++ == 1 ? double.NaN : 1)));
        using var trainer = new DistillationTrainer(student, null, loss, _options with { CheckpointDirectory = _folder.Path });
        trainer.Invoking(t => t.Fit(_data)).Should().Throw<InvalidOperationException>().WithMessage("*bad-batch.safetensors*");
        var (tensors, facts) = SafetensorsFile.Read(_folder.File("bad-batch.safetensors"));
        var second = new ImageBatches(_data, new ImageBatchOptions { BatchSize = _options.BatchSize, Seed = _options.Seed }).Epoch(0).Skip(1).First();
        TensorAssert.Longs(tensors["indices"]).Should().Equal(second.Indices);
        (facts["epoch"], facts["step"], facts["loss"]).Should().Be(("0", "1", "own own"));
        foreach (var tensor in tensors.Values) tensor.Dispose();
    }

    [Fact]
    public void Save_RunWithoutAnAverage_SaysSo()
    {
        using var student = TrainingWorld.Network();
        using var trainer = Trainer(student, _options with { CheckpointDirectory = _folder.Path });
        trainer.Fit(_data);
        var (checkpoint, tensors) = TrainingCheckpoint.Read(_folder.File("last.safetensors"));
        tensors.Dispose();
        checkpoint.AverageCount.Should().Be(0);
    }

    [Fact]
    public void CheckpointInterval_CountsFromTheLastSave()
    {
        var interval = TimeSpan.FromSeconds(1);
        using var student = TrainingWorld.Network();
        var times = new Dictionary<int, TimeSpan>();
        var kept = new Dictionary<int, int?>();
        using var trainer = Trainer(student, _options with { Epochs = 1, CheckpointDirectory = _folder.Path, CheckpointInterval = interval });
        trainer.Fit(_data, progress: new ListProgress<TrainingProgress>(report =>
        {
            if (report.Phase != TrainingPhase.Train) return;
            kept[report.Step] = Partial();
            if (report.Step == 1) Thread.Sleep(interval * 1.1);
            times[report.Step] = report.Elapsed;
        }));
        kept[1].Should().BeNull();
        kept[2].Should().Be(1, "the first step took longer than the interval");
        // A machine that is busy may take longer for the second step, too.
        if (times[3] < interval * 2) kept[3].Should().Be(1);
    }

    [Fact]
    public void CheckpointInterval_InTheNextRunOfATrainer_BeginsAnew()
    {
        using var student = TrainingWorld.Network();
        using var stop = new CancellationTokenSource();
        using var trainer = Trainer(student, _options with { CheckpointDirectory = _folder.Path, CheckpointInterval = TimeSpan.FromTicks(1) });
        var first = new ListProgress<TrainingProgress>(report =>
        {
            if (report.Step == 1) Thread.Sleep(500);
            else stop.Cancel();
        });
        trainer.Invoking(t => t.Fit(_data, progress: first, cancellationToken: stop.Token)).Should().Throw<OperationCanceledException>();
        Partial().Should().Be(2);
        // The clock of the second run starts at zero, which is before the time of the first run's last save.
        var seen = new List<int?>();
        trainer.Fit(_data, progress: new ListProgress<TrainingProgress>(report => { if (report is { Phase: TrainingPhase.Train, Epoch: 0 }) seen.Add(Partial()); }));
        seen.Should().Equal(2, 3);
    }

    private static DistillationTrainer Trainer(PreActResNet student, TrainerOptions options) =>
        new(student, null, new StandardTrainingLoss(), options);

    /// <summary>The step of the epoch that the last checkpoint was written in; null if it was written at the end of one.</summary>
    private int? Partial()
    {
        var (checkpoint, tensors) = TrainingCheckpoint.Read(_folder.File("last.safetensors"));
        tensors.Dispose();
        return checkpoint.Partial?.Step;
    }
}

using Ardir.Core;
using Ardir.Distillation;

namespace Ardir.Tests;

/// <summary>Two runs on one checkpoint directory would overwrite each other's files; the second is refused before it changes anything.</summary>
public sealed class TrainerLockTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly ImageDataset _data = TrainingWorld.Data();

    [Fact]
    public void Fit_OnTheDirectoryOfARunningOne_IsRefused_AndTheFirstGoesOn()
    {
        using var first = TrainingWorld.Network();
        using var second = TrainingWorld.Network(7);
        var before = TrainingWorld.State(second);
        var refused = 0;
        using var trainer = Trainer(first);
        var progress = new ListProgress<TrainingProgress>(report =>
        {
            if (report.Phase != TrainingPhase.Train || refused > 0) return;
            using var other = Trainer(second);
            other.Invoking(t => t.Fit(_data)).Should().Throw<IOException>().WithMessage($"*is in use by another training run, of process {Environment.ProcessId}*");
            refused++;
        });
        trainer.Fit(_data, progress: progress).Epochs.Should().HaveCount(2);
        refused.Should().Be(1);
        TrainingWorld.SameState(TrainingWorld.State(second), before);
        _folder.Names.Should().Equal("best.safetensors", "last.safetensors");
    }

    [Fact]
    public void Fit_AfterOneThatFailedOrWasCancelled_FindsTheDirectoryFree()
    {
        using var student = TrainingWorld.Network();
        using var trainer = Trainer(student);
        using var stop = new CancellationTokenSource();
        trainer.Invoking(t => t.Fit(_data, progress: new ListProgress<TrainingProgress>(_ => throw new InvalidDataException()))).Should().Throw<InvalidDataException>();
        trainer.Invoking(t => t.Fit(_data, progress: new ListProgress<TrainingProgress>(_ => stop.Cancel()), cancellationToken: stop.Token)).Should().Throw<OperationCanceledException>();
        _folder.Names.Should().NotContain(name => name.StartsWith("run.lock", StringComparison.Ordinal));
        using var again = Trainer(student);
        again.Fit(_data).Epochs.Should().HaveCount(2);
    }

    [Fact]
    public void Fit_WithoutADirectory_LocksNothing()
    {
        using var first = TrainingWorld.Network();
        using var trainer = new DistillationTrainer(first, null, new StandardTrainingLoss(), TrainingWorld.Options(1));
        trainer.Fit(_data);
        _folder.Names.Should().BeEmpty();
    }

    public void Dispose()
    {
        _data.Dispose();
        _folder.Dispose();
    }

    private DistillationTrainer Trainer(PreActResNet student) => new(student, null, new StandardTrainingLoss(), TrainingWorld.Options(2) with { CheckpointDirectory = _folder.Path });
}

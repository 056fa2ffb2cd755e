using System.Text.RegularExpressions;
using Ardir.Core;
using Ardir.Distillation;

namespace Ardir.Tests;

/// <summary>Runs that end or go on where they should not: within epochs, with broken numbers, with damaged files.</summary>
public sealed class TrainerInterruptionTests
{
    [Theory]
    [InlineData("\"step\":\\d+", "\"step\":99")]
    [InlineData("\"step\":\\d+", "\"step\":4")]
    [InlineData("\"skipped\":0", "\"skipped\":-5")]
    [InlineData("\"skipped\":0", "\"skipped\":99")]
    [InlineData("\"sums\":\\{.*?\\}\\}", "\"sums\":{}")]
    [InlineData("\"samples\":\\d+", "\"samples\":0")]
    [InlineData("\"samples\":\\d+", "\"samples\":3200")]
    [InlineData("\"ce\":\\{.*?\\}", "\"ce\":null")]
    [InlineData("\"elapsed\":\"", "\"elapsed\":\"-")]
    [InlineData("\"averageCount\":\\d+", "\"averageCount\":0")]
    [InlineData("\"averageCount\":\\d+", "\"averageCount\":-2")]
    public void Fit_DamagedPartialEpoch_IsRefusedBeforeTheStudentChanges(string what, string with)
    {
        using var data = TrainingWorld.Data();
        using var folder = new TemporaryFolder();
        var options = TrainingWorld.Options(2) with { WeightAveraging = new ExponentialMovingAverage() };
        options = StopWithin(options, data, folder, epoch: 0);
        var path = folder.File("last.safetensors");
        var (tensors, metadata) = SafetensorsFile.Read(path);
        var damaged = Regex.Replace(metadata["ardir.training"], what, with, RegexOptions.None, TimeSpan.FromSeconds(10));
        damaged.Should().NotBe(metadata["ardir.training"]);
        metadata["ardir.training"] = damaged;
        SafetensorsFile.Write(path, tensors, metadata);
        foreach (var tensor in tensors.Values) tensor.Dispose();
        using var student = TrainingWorld.Network(7);
        var before = TrainingWorld.State(student);
        using var trainer = new DistillationTrainer(student, null, new StandardTrainingLoss(), options);
        trainer.Invoking(t => t.Fit(data)).Should().Throw<WeightFormatException>().WithMessage("*last.safetensors*damaged*");
        TrainingWorld.SameState(TrainingWorld.State(student), before);
    }

    [Fact]
    public void Fit_FewerEpochsThanTheRunHasBegun_IsRefused()
    {
        using var data = TrainingWorld.Data();
        using var folder = new TemporaryFolder();
        var options = StopWithin(TrainingWorld.Options(3), data, folder, epoch: 1);
        using var student = TrainingWorld.Network(7);
        var before = TrainingWorld.State(student);
        using var trainer = new DistillationTrainer(student, null, new StandardTrainingLoss(), options with { Epochs = 1 });
        trainer.Invoking(t => t.Fit(data)).Should().Throw<InvalidOperationException>().WithMessage("*1 epochs and a part of the next already; Epochs is 1*at least 2*");
        TrainingWorld.SameState(TrainingWorld.State(student), before);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void CheckpointInterval_BrokenNumbers_NeverReachTheDisk(bool onlyTheGradient)
    {
        using var data = TrainingWorld.Data(160);
        using var folder = new TemporaryFolder();
        using var student = TrainingWorld.Network();
        var calls = 0;
        var loss = new FuncLoss(inputs =>
        {
            var logits = inputs.StudentClean!.Output;
            var value = logits.square().mean();
            // The root of zero is zero, and its gradient is none.
            return new LossTerms(++calls != 4 ? value : onlyTheGradient ? value + (logits.sum() * 0).sqrt() : value * double.NaN);
        });
        var options = TrainingWorld.Options(1) with { BatchSize = 4, CheckpointDirectory = folder.Path, CheckpointInterval = TimeSpan.FromTicks(1) };
        using var trainer = new DistillationTrainer(student, null, loss, options);
        trainer.Invoking(t => t.Fit(data)).Should().Throw<InvalidOperationException>().WithMessage("*epoch 0*before is intact*");
        var (tensors, _) = SafetensorsFile.Read(folder.File("last.safetensors"));
        foreach (var tensor in tensors.Values)
        {
            TensorAssert.Values(tensor).Should().OnlyContain(value => double.IsFinite(value));
            tensor.Dispose();
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(13)]
    public void NonFiniteLoss_SkipWithNanInTheAttack_LeavesTheStepOut(int at)
    {
        using var data = TrainingWorld.Data(160);
        using var network = TrainingWorld.Network();
        var step = -1;
        using var student = new FuncModel(images => step == at ? network.call(images) * double.NaN : network.call(images), network);
        var attack = new WatchedAttack(TrainingWorld.Pgd(), (_, _, _) => step++);
        using var trainer = new DistillationTrainer(
            student, null, new AdversarialTrainingLoss(), TrainingWorld.Options(1) with { BatchSize = 8, NonFiniteLoss = NonFiniteLoss.Skip, Crafting = new OwnCrafting(attack) });
        trainer.Fit(data).Last.SkippedSteps.Should().Be(1);
    }

    [Fact]
    public void NonFiniteLoss_SkippedStep_DoesNotMoveTheAverage()
    {
        using var data = TrainingWorld.Data(48);
        using var student = TrainingWorld.Network();
        Dictionary<string, double[]> first = [];
        var calls = 0;
        var loss = new FuncLoss(inputs => new LossTerms(inputs.StudentClean!.Output.square().mean() * (calls++ == 0 ? 1 : double.NaN)));
        var progress = new ListProgress<TrainingProgress>(report =>
        {
            // Were a skipped step one of the average's, it would take these.
            if (report is not { Phase: TrainingPhase.Train, Step: 1 }) return;
            first = TrainingWorld.State(student);
            using var noGrad = no_grad();
            student.parameters().Last().add_(1);
        });
        var options = TrainingWorld.Options(1) with { NonFiniteLoss = NonFiniteLoss.Skip, WeightAveraging = new ExponentialMovingAverage { Decay = 0.5 } };
        using var trainer = new DistillationTrainer(student, null, loss, options);
        trainer.Fit(data, null, progress).Last.SkippedSteps.Should().Be(2);
        trainer.RestoreAverage();
        TrainingWorld.SameState(TrainingWorld.State(student), first);
    }

    [Fact]
    public void Fit_BatchOfOneThatBatchNormCannotMeasure_IsNamed()
    {
        using var data = TrainingWorld.Data(17);
        using var student = nn.Sequential(nn.Flatten(), nn.Linear(64, 8), nn.BatchNorm1d(8), nn.Linear(8, 3));
        using var trainer = new DistillationTrainer(student, null, new StandardTrainingLoss(), TrainingWorld.Options(1));
        trainer.Invoking(t => t.Fit(data)).Should().Throw<InvalidOperationException>().WithMessage("*batch norm '2'*BatchSize and AccumulationSteps*");
    }

    [Fact]
    public void RestoreAverage_AfterACancelledRun_GivesThatOfTheLastWholeEpoch()
    {
        using var data = TrainingWorld.Data();
        using var student = TrainingWorld.Network();
        using var source = new CancellationTokenSource();
        using var trainer = new DistillationTrainer(student, null, new StandardTrainingLoss(), TrainingWorld.Options(2) with { WeightAveraging = new ExponentialMovingAverage() });
        var progress = new ListProgress<TrainingProgress>(report =>
        {
            if (report.Phase == TrainingPhase.EpochEnd) source.Cancel();
        });
        trainer.Invoking(t => t.Fit(data, null, progress, source.Token)).Should().Throw<OperationCanceledException>();
        var last = TrainingWorld.State(student);
        trainer.RestoreAverage();
        TrainingWorld.State(student).Values.SelectMany(values => values).Should().NotEqual(last.Values.SelectMany(values => values));
    }

    [Fact]
    public void CheckpointDirectory_Empty_IsRefused() =>
        FluentActions.Invoking(() => new TrainerOptions { CheckpointDirectory = " " }.Validate()).Should().Throw<ArgumentException>().WithMessage("*CheckpointDirectory is empty*");

    private static TrainerOptions StopWithin(TrainerOptions options, ImageDataset data, TemporaryFolder folder, int epoch)
    {
        options = options with { CheckpointDirectory = folder.Path, CheckpointInterval = TimeSpan.FromTicks(1) };
        using var source = new CancellationTokenSource();
        using var student = TrainingWorld.Network();
        using var trainer = new DistillationTrainer(student, null, new StandardTrainingLoss(), options);
        var progress = new ListProgress<TrainingProgress>(report =>
        {
            if (report is { Phase: TrainingPhase.Train, Step: 3 } && report.Epoch == epoch) source.Cancel();
        });
        trainer.Invoking(t => t.Fit(data, null, progress, source.Token)).Should().Throw<OperationCanceledException>();
        return options;
    }
}

using Ardir.Attacks;
using Ardir.Core;
using Ardir.Distillation;

namespace Ardir.Tests;

/// <summary>Best and last weights on both sets, against evaluations by hand.</summary>
public sealed class RobustOverfittingReportTests
{
    [Fact]
    public void Measure_FinishedRun_AgreesWithEvaluationsByHandAndLeavesTheStudentAsItWas()
    {
        using var train = TrainingWorld.Data();
        using var test = TrainingWorld.Data(30, seed: 9);
        using var student = TrainingWorld.Student();
        var attack = TrainingWorld.Pgd(5);
        using var trainer = new DistillationTrainer(student, null, new AdversarialTrainingLoss(), TrainingWorld.Options(4) with { SelectionAttack = attack, LearningRate = 0.2 });
        var result = trainer.Fit(train, test);
        var last = TrainingWorld.State(student);
        var context = new AttackContext { Seed = 3 };
        RobustnessResult On(ImageDataset data) => RobustnessEvaluator.Evaluate(student, data, attack, new() { BatchSize = 256, Context = context });
        var (lastTrain, lastTest) = (On(train), On(test));

        var report = RobustOverfittingReport.Measure(trainer, train, test, attack, new() { Context = context });

        TrainingWorld.SameState(TrainingWorld.State(student), last);
        student.training.Should().BeTrue();
        (report.Last.TrainClean, report.Last.TrainRobust, report.Last.TestClean, report.Last.TestRobust)
            .Should().Be((lastTrain.CleanAccuracy, lastTrain.RobustAccuracy, lastTest.CleanAccuracy, lastTest.RobustAccuracy));
        trainer.RestoreBest();
        var (bestTrain, bestTest) = (On(train), On(test));
        (report.Best.TrainClean, report.Best.TrainRobust, report.Best.TestClean, report.Best.TestRobust)
            .Should().Be((bestTrain.CleanAccuracy, bestTrain.RobustAccuracy, bestTest.CleanAccuracy, bestTest.RobustAccuracy));
        (report.BestEpoch, report.LastEpoch).Should().Be((result.Best.Epoch, 3));
        report.RobustOverfitting.Should().Be(bestTest.RobustAccuracy - lastTest.RobustAccuracy);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Measure_WhateverTheStudentHolds_TellsTheLastEpochFromTheBest(bool onDisk)
    {
        using var folder = new TemporaryFolder();
        using var train = TrainingWorld.Data();
        using var test = TrainingWorld.Data(30, seed: 9);
        using var student = TrainingWorld.Network();
        var attack = TrainingWorld.Pgd(5);
        var options = TrainingWorld.Options(6) with
        {
            SelectionAttack = attack, LearningRate = 0.3, WeightAveraging = new ExponentialMovingAverage(), CheckpointDirectory = onDisk ? folder.Path : null,
        };
        using var trainer = new DistillationTrainer(student, null, new AdversarialTrainingLoss(), options);
        var result = trainer.Fit(train, test);
        result.Best.Epoch.Should().NotBe(result.Last.Epoch, "otherwise this test says nothing");
        var last = TrainingWorld.State(student);
        var expected = RobustOverfittingReport.Measure(trainer, train, test, attack);
        foreach (var restore in new Action[] { trainer.RestoreBest, trainer.RestoreAverage })
        {
            restore();
            var held = TrainingWorld.State(student);
            RobustOverfittingReport.Measure(trainer, train, test, attack).Should().Be(expected);
            TrainingWorld.SameState(TrainingWorld.State(student), held);
        }
        trainer.RestoreLast();
        TrainingWorld.SameState(TrainingWorld.State(student), last);
    }

    [Fact]
    public void Measure_SomeImages_TakesTheFirst()
    {
        using var train = TrainingWorld.Data();
        using var student = TrainingWorld.Network();
        using var trainer = new DistillationTrainer(student, null, new StandardTrainingLoss(), TrainingWorld.Options(1));
        var result = trainer.Fit(train);
        using var twelve = new ImageDataset(train.Images.narrow(0, 0, 12).clone(), train.Labels.narrow(0, 0, 12).clone());
        var report = RobustOverfittingReport.Measure(trainer, train, train, TrainingWorld.Pgd(), new() { Images = 12 });
        var expected = RobustnessEvaluator.Evaluate(student, twelve, TrainingWorld.Pgd());
        report.Last.TrainClean.Should().Be(expected.CleanAccuracy);
        report.Last.TestRobust.Should().Be(expected.RobustAccuracy);
        LeakAssert.None(() => RobustOverfittingReport.Measure(trainer, train, train, TrainingWorld.Pgd(), new() { Images = 12 }));
    }

    [Fact]
    public void ToMarkdown_InAnyCulture_IsTheTable()
    {
        var before = System.Globalization.CultureInfo.CurrentCulture;
        var comma = (System.Globalization.CultureInfo)before.Clone();
        comma.NumberFormat.NumberDecimalSeparator = ",";
        System.Globalization.CultureInfo.CurrentCulture = comma;
        try
        {
            new RobustOverfittingReport
            {
                Attack = "PGD-20 Linf(0.03)", BestEpoch = 104, LastEpoch = 199,
                Best = new AccuracyGap { TrainClean = 0.8528, TrainRobust = 0.5927, TestClean = 0.8094, TestRobust = 0.5229 },
                Last = new AccuracyGap { TrainClean = 0.95, TrainRobust = 0.8, TestClean = 0.84, TestRobust = 0.45 },
            }.ToMarkdown().Should().Contain("| best (epoch 104) | 85.28 | 59.27 | 80.94 | 52.29 | 6.98 |").And.Contain("| last (epoch 199) | 95.00 | 80.00 | 84.00 | 45.00 | 35.00 |")
                .And.Contain("lost 7.29 points");
        }
        finally
        {
            System.Globalization.CultureInfo.CurrentCulture = before;
        }
    }

    [Fact]
    public void Measure_BeforeFitOrWithoutImages_IsRefused()
    {
        using var data = TrainingWorld.Data();
        using var student = TrainingWorld.Network();
        using var trainer = new DistillationTrainer(student, null, new StandardTrainingLoss(), TrainingWorld.Options(1));
        var result = trainer.Fit(data);
        FluentActions.Invoking(() => RobustOverfittingReport.Measure(trainer, data, data, TrainingWorld.Pgd(), new() { Images = 0 })).Should().Throw<ArgumentOutOfRangeException>().WithParameterName("Images");
        using var other = new DistillationTrainer(student, null, new StandardTrainingLoss(), TrainingWorld.Options(1));
        FluentActions.Invoking(() => RobustOverfittingReport.Measure(other, data, data, TrainingWorld.Pgd(), new() { Images = 3 })).Should().Throw<InvalidOperationException>().WithMessage("*call Fit first*");
    }
}

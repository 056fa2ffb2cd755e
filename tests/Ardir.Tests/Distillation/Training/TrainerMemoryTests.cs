using Ardir.Attacks;
using Ardir.Core;
using Ardir.Distillation;

namespace Ardir.Tests;

/// <summary>Exact counts of what training leaves alive.</summary>
public sealed class TrainerMemoryTests
{
    [Theory]
    [InlineData(TeacherData.RobustClean)]
    [InlineData(TeacherData.RobustAdversarial)]
    public void Step_AfterTheFirst_LeavesNoTensorBehind(TeacherData data)
    {
        using var student = TrainingWorld.Student();
        using var teacher = TrainingWorld.Network(2);
        using var train = TrainingWorld.Data();
        var loss = new ArdirLoss(new() { TeacherData = data, Features = new() { Layers = ["net.layer*"], TeacherLayers = ["layer*"] }, CrossEntropyWeight = 0.1 });
        var options = TrainingWorld.Options();
        using var step = new TrainingStep(TrainingWorld.Setup(options, loss, student, teacher));
        using var weights = StudentWeights.Of(student, TrainingPrecision.Full);
        using var optimizer = new RunOptimizer(options, weights, null);
        using var health = new StepHealth(options, weights, optimizer);
        using var totals = new EpochTotals();
        var (images, labels) = train.Batch([0, 1, 2, 3, 4, 5]);
        var batch = CheckedBatch.Of(images, labels, 3);
        LeakAssert.None(() => step.Run(batch, new()
        {
            Weights = weights, Optimizer = optimizer, Health = health, Totals = totals, Attack = new() { Seed = 3 },
        }));
        (images.IsInvalid || labels.IsInvalid).Should().BeFalse();
        images.Dispose();
        labels.Dispose();
    }

    [Fact]
    public void Fit_WholeRun_LeavesNoTensorBehind()
    {
        using var student = TrainingWorld.Student();
        using var teacher = TrainingWorld.Network(2);
        using var train = TrainingWorld.Data();
        LeakAssert.None(() =>
        {
            using var trainer = new DistillationTrainer(student, teacher, TrainingWorld.Ardir(), TrainingWorld.Options(2) with { SelectionAttack = TrainingWorld.Pgd(), Augmentation = new() { Padding = 2 } });
            trainer.Fit(train, train);
            trainer.RestoreBest();
        }, runs: 2);
    }

    [Fact]
    public void Fit_CheckpointsAndResume_LeavesNoTensorBehind()
    {
        using var folder = new TemporaryFolder();
        using var student = TrainingWorld.Student();
        using var train = TrainingWorld.Data();
        var run = 0;
        LeakAssert.None(() =>
        {
            run++;
            foreach (var epochs in new[] { 1, 2 })
            {
                using var trainer = new DistillationTrainer(student, null, new StandardTrainingLoss(), TrainingWorld.Options(epochs) with { CheckpointDirectory = folder.File($"{run}") });
                trainer.Fit(train, train);
                trainer.RestoreBest();
            }
        }, runs: 2);
    }

    [Fact]
    public void Fit_Cancelled_LeavesNoTensorBehind()
    {
        using var student = TrainingWorld.Student();
        using var train = TrainingWorld.Data();
        LeakAssert.None(() =>
        {
            using var source = new CancellationTokenSource();
            using var trainer = new DistillationTrainer(student, null, new AdversarialTrainingLoss(), TrainingWorld.Options(2));
            Record.Exception(() => trainer.Fit(train, null, new ListProgress<TrainingProgress>(report => { if (report.Step == 2) source.Cancel(); }), source.Token))
                .Should().BeAssignableTo<OperationCanceledException>();
        }, runs: 2);
    }

    [Fact]
    public void Fit_InsideTheCallersScope_KeepsStudentBestAndMomentumAlive()
    {
        using var student = TrainingWorld.Student();
        using var train = TrainingWorld.Data();
        using var trainer = new DistillationTrainer(student, null, new StandardTrainingLoss(), TrainingWorld.Options(2));
        using (NewDisposeScope()) trainer.Fit(train, train);
        trainer.RestoreBest();
        student.state_dict().Values.Should().OnlyContain(tensor => !tensor.IsInvalid);
    }
}

using Ardir.Attacks;
using Ardir.Core;
using Ardir.Distillation;
using Microsoft.Extensions.Logging;

namespace Ardir.Tests;

/// <summary>What a run brings, tells and refuses.</summary>
public sealed class TrainerRunTests
{
    [Fact]
    public void Fit_StandardThenArdir_LearnsTheTask()
    {
        using var train = TrainingWorld.Data();
        using var validation = TrainingWorld.Data(24, seed: 2);
        using var teacher = TrainingWorld.Network(3);
        using var student = TrainingWorld.Student(4);
        var options = TrainingWorld.Options(12) with { SelectionAttack = TrainingWorld.Pgd(5) };
        TrainingResult taught, learned;
        using (var trainer = new DistillationTrainer(teacher, null, new StandardTrainingLoss(), options)) taught = trainer.Fit(train, validation);
        using (var trainer = new DistillationTrainer(student, teacher, TrainingWorld.Ardir(), options)) learned = trainer.Fit(train, validation);
        foreach (var result in new[] { taught, learned })
        {
            result.Epochs.Select(epoch => epoch.Epoch).Should().Equal(Enumerable.Range(0, 12));
            result.Last.TrainLoss.Should().BeLessThan(result.Epochs[0].TrainLoss * 0.6);
            result.Best.CleanAccuracy.Should().BeGreaterThan(0.9);
            result.Epochs.Should().OnlyContain(epoch => epoch.RobustAccuracy <= epoch.CleanAccuracy);
            result.Best.RobustAccuracy.Should().Be(result.Epochs.Max(epoch => epoch.RobustAccuracy));
        }
        learned.Last.Terms.Keys.Should().BeEquivalentTo("kl", "replaced", "lpips", "lpips/net.layer1", "lpips/net.layer2");
        learned.Last.TrainLoss.Should().BeApproximately(0.5 * learned.Last.Terms["kl"] + 0.5 * learned.Last.Terms["lpips"], 1e-5);
    }

    [Fact]
    public void Fit_SameSeed_GivesTheSameRunAndAnotherSeedAnother()
    {
        using var data = TrainingWorld.Data();
        Dictionary<string, double[]> Train(ulong seed)
        {
            using var student = TrainingWorld.Student();
            using var trainer = new DistillationTrainer(student, null, new StandardTrainingLoss(), TrainingWorld.Options(1) with { Seed = seed, Augmentation = ImageAugmentation.Cifar });
            trainer.Fit(data);
            return TrainingWorld.State(student);
        }

        TrainingWorld.SameState(Train(5), Train(5));
        Train(5)["net.linear.weight"].Should().NotEqual(Train(6)["net.linear.weight"]);
    }

    [Fact]
    public void Fit_Progress_TellsEveryStepBatchAndEpochInOrder()
    {
        using var student = TrainingWorld.Network();
        using var data = TrainingWorld.Data();
        var progress = new ListProgress<TrainingProgress>();
        using var trainer = new DistillationTrainer(student, null, new StandardTrainingLoss(), TrainingWorld.Options(2) with { EvaluationBatchSize = 30 });
        var result = trainer.Fit(data, data, progress);
        (TrainingPhase, int, int)[] epoch =
        [
            (TrainingPhase.Train, 1, 4), (TrainingPhase.Train, 2, 4), (TrainingPhase.Train, 3, 4), (TrainingPhase.Train, 4, 4),
            (TrainingPhase.Evaluate, 1, 2), (TrainingPhase.Evaluate, 2, 2), (TrainingPhase.EpochEnd, 1, 1),
        ];
        progress.Reports.Select(report => (report.Phase, report.Step, report.Steps)).Should().Equal([.. epoch, .. epoch]);
        progress.Reports.Select(report => report.Epoch).Should().Equal(Enumerable.Repeat(0, 7).Concat(Enumerable.Repeat(1, 7)));
        progress.Reports.Should().OnlyContain(report => report.Epochs == 2).And.BeInAscendingOrder(report => report.Elapsed);
        var ends = progress.Reports.Where(report => report.Phase == TrainingPhase.EpochEnd).ToList();
        ends.Select(report => report.Metrics).Should().Equal(result.Epochs);
        ends[1].Loss.Should().Be(result.Last.TrainLoss);
        ends[1].Remaining.Should().Be(TimeSpan.Zero);
        // The loss is read at the first step of ten and at the last.
        progress.Reports.Take(4).Select(report => report.Loss.HasValue).Should().Equal(true, false, false, true);
        progress.Reports[3].Loss.Should().Be(result.Epochs[0].TrainLoss);
        progress.Reports.Take(6).Should().OnlyContain(report => report.Metrics == null && report.Remaining > TimeSpan.Zero);
    }

    [Fact]
    public void Fit_Logger_GetsStartAndEpochs()
    {
        using var student = TrainingWorld.Network();
        using var data = TrainingWorld.Data();
        var logger = new ListLogger();
        using var trainer = new DistillationTrainer(student, null, new StandardTrainingLoss(), TrainingWorld.Options(2) with { Logger = logger, Crafting = null });
        trainer.Fit(data, data);
        logger.Entries.Should().OnlyContain(entry => entry.Level == LogLevel.Information);
        logger.Entries.Select(entry => entry.Message[..7]).Should().Equal("Standar", "Epoch 0", "Epoch 1");
        logger.Entries[0].Message.Should().Contain("2 epochs of 50 samples on cpu").And.Contain("seed 5");
    }

    [Fact]
    public void Fit_StudentThatStaysOnOneClass_WarnsAfterTenEpochs()
    {
        using var student = new Brightness(1);
        using var data = new ImageDataset(full([8, 1, 2, 2], 200, ScalarType.Byte), tensor(new long[] { 0, 1, 0, 1, 0, 1, 0, 0 }));
        var logger = new ListLogger();
        using var trainer = new DistillationTrainer(student, null, new StandardTrainingLoss(), new() { Epochs = 11, Logger = logger });
        trainer.Fit(data);
        var warning = logger.Entries.Single(entry => entry.Level == LogLevel.Warning).Message;
        warning.Should().Contain("after 10 epochs").And.Contain("62.5").And.Contain("WarmupEpochs");
        logger.Entries.FindIndex(entry => entry.Level == LogLevel.Warning).Should().Be(11, "it follows the line of the tenth epoch");
    }

    [Fact]
    public void Fit_DoubtfulSettings_Warns()
    {
        using var student = TrainingWorld.Network();
        using var teacher = TrainingWorld.Network(2);
        using var data = TrainingWorld.Data();
        var logger = new ListLogger();
        var loss = new ArdirLoss(new() { Beta = 1, TeacherData = TeacherData.CleanAdversarial });
        using var trainer = new DistillationTrainer(student, teacher, loss, TrainingWorld.Options(1) with { Logger = logger });
        trainer.Fit(data);
        logger.Entries.Where(entry => entry.Level == LogLevel.Warning).Select(entry => entry.Message).Should().SatisfyRespectively(
            first => first.Should().Contain("Beta is 1"), second => second.Should().Contain("CleanAdversarial"), third => third.Should().Contain("The teacher is wrong about"));
    }

    [Fact]
    public void Warnings_OfASum_AreThoseOfItsTermsEachOnce()
    {
        IDistillationLoss harmless = new OwnLoss(_ => null!);
        harmless.Warnings.Should().BeEmpty();
        var labelless = new ArdirLoss(new() { Beta = 1 });
        var sum = new WeightedSumLoss((1, labelless), (2, harmless), (3, new ArdirLoss(new() { Beta = 1, TeacherData = TeacherData.CleanAdversarial })));
        sum.Warnings.Should().HaveCount(2).And.StartWith(labelless.Warnings.Single());
        new WeightedSumLoss((1, new ArdirLoss())).Warnings.Should().BeEmpty();
    }

    [Fact]
    public void Fit_LossThatBecomesNan_SaysSo()
    {
        using var student = TrainingWorld.Network();
        using var data = TrainingWorld.Data();
        using var trainer = new DistillationTrainer(student, null, new OwnLoss(inputs => new LossTerms(inputs.StudentClean!.Output.mean() * double.NaN)), TrainingWorld.Options(1));
        trainer.Invoking(t => t.Fit(data)).Should().Throw<InvalidOperationException>().WithMessage("*became NaN in epoch 0*learning rate*");
    }

    [Fact]
    public void Fit_OwnModuleAndOwnLoss_TrainsOnWhatTheLossDeclares()
    {
        using var teacher = TinyModels.Linear(classes: 3, inputs: 64, dtype: ScalarType.Float32);
        using var student = TinyModels.Linear(classes: 3, inputs: 64, dtype: ScalarType.Float32, seed: 9);
        using var data = TrainingWorld.Data();
        var seen = new List<(bool, bool, bool, bool)>();
        var loss = new OwnLoss(inputs =>
        {
            seen.Add((inputs.StudentClean is not null, inputs.StudentAdversarial is not null, inputs.TeacherClean is not null, inputs.TeacherAdversarial is not null));
            inputs.TeacherClean!.Output.requires_grad.Should().BeFalse();
            return new LossTerms((inputs.StudentClean!.Output - inputs.TeacherClean.Output).square().mean());
        }) { Needs = new() { Passes = [NetworkPass.StudentClean, NetworkPass.TeacherClean] } };
        using var trainer = new DistillationTrainer(student, teacher, loss, TrainingWorld.Options(8) with { Crafting = null, LearningRate = 0.01 });
        var result = trainer.Fit(data);
        seen.Should().HaveCount(8 * TrainingWorld.StepsPerEpoch).And.OnlyContain(passes => passes.Item1 && !passes.Item2 && passes.Item3 && !passes.Item4);
        result.Last.TrainLoss.Should().BeLessThan(result.Epochs[0].TrainLoss / 4);
        result.Last.Terms.Should().BeEmpty();
    }

    [Fact]
    public void Constructor_MissingParts_SaysWhatIsMissing()
    {
        using var student = TrainingWorld.Network();
        using var teacher = TrainingWorld.Network();
        void Refused<T>(IModule? with, IDistillationLoss loss, TrainerOptions options, string message) where T : Exception =>
            FluentActions.Invoking(() => new DistillationTrainer(student, with, loss, options)).Should().Throw<T>().WithMessage($"*{message}*");

        var options = TrainingWorld.Options();
        var teacherAdversarialOnly = new OwnLoss(null!) { Needs = new() { Passes = [NetworkPass.StudentClean, NetworkPass.TeacherAdversarial] } };
        Refused<ArgumentNullException>(null, new ArdirLoss(), options, "ARDIR needs a teacher");
        Refused<ArgumentException>(teacher, new ArdirLoss(), options with { Crafting = null }, "PrescribedCrafting");
        Refused<ArgumentException>(teacher, teacherAdversarialOnly, options with { Crafting = null }, "images adversarial to teacher");
        Refused<ArgumentException>(student, new ArdirLoss(), options, "same module");
        Refused<ArgumentException>(teacher, new ArdirLoss(new() { Features = new() { Layers = ["nothing"] } }), options, "nothing");
        Refused<ArgumentException>(teacher, new OwnLoss(null!) { Needs = new() { Passes = [NetworkPass.TeacherClean] } }, options, "no pass of the student");
        foreach (var parameter in student.parameters()) parameter.requires_grad = false;
        Refused<ArgumentException>(teacher, new ArdirLoss(), options, "no parameter");
        FluentActions.Invoking(() => new DistillationTrainer(null!, null, new StandardTrainingLoss())).Should().Throw<ArgumentNullException>();
        FluentActions.Invoking(() => new DistillationTrainer(student, null, loss: null!)).Should().Throw<ArgumentNullException>();
    }

    [Fact]
    public void Fit_DataThatDoesNotFit_SaysWhat()
    {
        using var student = PreActResNet.Create(new() { InputChannels = 1, Classes = 2, Widths = [4], BlocksPerStage = 1 });
        using var data = TrainingWorld.Data();
        using (var trainer = new DistillationTrainer(student, null, new StandardTrainingLoss(), TrainingWorld.Options() with { SelectionAttack = TrainingWorld.Pgd() }))
        {
            trainer.Invoking(t => t.Fit(data)).Should().Throw<ArgumentException>().WithMessage("*validation set*");
            trainer.Invoking(t => t.Fit(null!)).Should().Throw<ArgumentNullException>();
        }
        using (var trainer = new DistillationTrainer(student, null, new StandardTrainingLoss(), TrainingWorld.Options()))
            trainer.Invoking(t => t.Fit(data)).Should().Throw<ArgumentException>().WithMessage("*from 0 to 2*2 classes*");
    }

    public static TheoryData<string, TrainerOptions> InvalidOptions => new()
    {
        { "Epochs", new() { Epochs = 0 } }, { "BatchSize", new() { BatchSize = 0 } }, { "EvaluationBatchSize", new() { EvaluationBatchSize = -1 } },
        { "WarmupEpochs", new() { WarmupEpochs = -1 } }, { "LearningRate", new() { LearningRate = 0 } }, { "LearningRate", new() { LearningRate = double.NaN } },
        { "LearningRateDecay", new() { LearningRateDecay = 0 } }, { "LearningRateDecay", new() { LearningRateDecay = 1.5 } }, { "Momentum", new() { Optimizer = new SgdOptimizer { Momentum = 1 } } },
        { "Momentum", new() { Optimizer = new SgdOptimizer { Momentum = -0.1 } } }, { "WeightDecay", new() { Optimizer = new SgdOptimizer { WeightDecay = -1e-4 } } }, { "WeightDecay", new() { Optimizer = new SgdOptimizer { WeightDecay = double.PositiveInfinity } } },
        { "Milestones", new() { Milestones = [0] } }, { "Milestones", new() { Milestones = [5, 5] } }, { "Milestones", new() { Milestones = [5, 3] } },
        { "Milestones", new() { Milestones = null! } }, { "Logger", new() { Logger = null! } },
    };

    [Theory, MemberData(nameof(InvalidOptions))]
    public void Constructor_InvalidOption_ThrowsNamingIt(string name, TrainerOptions options)
    {
        using var student = TrainingWorld.Network();
        FluentActions.Invoking(() => new DistillationTrainer(student, null, new StandardTrainingLoss(), options)).Should().Throw<ArgumentException>().WithMessage($"*{name}*");
    }

    [Fact]
    public void Defaults_AreTheRecipeOfRiceEtAl()
    {
        var options = new TrainerOptions();
        (options.Epochs, options.BatchSize, options.EvaluationBatchSize, options.WarmupEpochs).Should().Be((200, 128, 256, 0));
        (options.LearningRate, options.LearningRateDecay).Should().Be((0.1, 0.1));
        options.Optimizer.Should().Be(new SgdOptimizer { Momentum = 0.9, WeightDecay = 5e-4 });
        options.Milestones.Should().Equal(100, 150);
        (options.Augmentation, options.Crafting, options.SelectionAttack).Should().Be((null, null, null));
        (options.Device is null, options.CheckpointDirectory, options.Seed).Should().Be((true, null, 0UL));
    }
}

/// <summary>A loss as a user would write it; on clean images unless its needs are set.</summary>
internal sealed class OwnLoss(Func<DistillationInputs, LossTerms> compute) : IDistillationLoss
{
    public string Name => "own";

    public DistillationNeeds Needs { get; init; } = new() { Passes = [NetworkPass.StudentClean] };

    public LossTerms Compute(DistillationInputs inputs) => compute(inputs);

    public override string ToString() => Name;
}

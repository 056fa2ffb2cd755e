using System.Collections;
using System.Reflection;
using Ardir.Attacks;
using Ardir.Core;
using Ardir.Distillation;
using Microsoft.Extensions.Logging;

namespace Ardir.Tests;

public sealed class DistillationTrainerTests
{
    [Fact]
    public void Fit_Learns_AndKeepsTheBestByRobustAccuracy()
    {
        using var train = TrainerFixture.Data(120, 1);
        using var validation = TrainerFixture.Data(60, 2);
        using var student = TrainerFixture.Network(5);
        using var trainer = new DistillationTrainer(student, null, new AdversarialTrainingLoss(), TrainerFixture.Options() with { Epochs = 12, Milestones = [10] });
        var result = trainer.Fit(train, validation);
        result.Best.RobustAccuracy.Should().BeGreaterThan(0.9);
        result.Best.RobustAccuracy.Should().Be(result.Epochs.Max(epoch => epoch.RobustAccuracy));
        result.Best.Epoch.Should().Be(result.Epochs.First(epoch => epoch.RobustAccuracy == result.Best.RobustAccuracy).Epoch, "ties keep the earlier");
        result.Epochs.Select(epoch => epoch.LearningRate).Should().Equal(Enumerable.Range(0, 12).Select(epoch => epoch < 10 ? 0.1 : 0.1 * 0.1));
        trainer.RestoreBest();
        var measured = RobustnessEvaluator.Evaluate(student, validation, TrainerFixture.Options().SelectionAttack, context: new AttackContext { Seed = SeedMixer.Mix(7, "selection") });
        measured.RobustAccuracy.Should().Be(result.Best.RobustAccuracy);
    }

    [Fact]
    public void Step_LeavesNoTensorAlive()
    {
        using var data = TrainerFixture.Data(20, 1);
        using var student = TrainerFixture.Network(5);
        using var teacher = TrainerFixture.Network(9);
        using var step = new TrainingStep(student, teacher, TrainerFixture.Loss(), TrainerFixture.Options());
        using var optimizer = optim.SGD(student.parameters().ToArray(), 0.1, 0.9, weight_decay: 5e-4);
        var (images, labels) = data.Batch([0, 1, 2, 3, 4, 5, 6, 7]);
        using var totals = new EpochTotals();
        student.train();
        LeakAssert.None(() => step.Run(images, labels, optimizer, totals, new AttackContext()), runs: 5);
    }

    [Fact]
    public void Fit_LeavesNoTensorAlive()
    {
        using var train = TrainerFixture.Data(40, 1);
        using var validation = TrainerFixture.Data(20, 2);
        using var student = TrainerFixture.Network(5);
        using var teacher = TrainerFixture.Network(9);
        LeakAssert.None(() =>
        {
            using var trainer = new DistillationTrainer(student, teacher, TrainerFixture.Loss(), TrainerFixture.Options() with { Epochs = 2 });
            trainer.Fit(train, validation);
        }, runs: 2);
    }

    [Fact]
    public void Fit_TeacherStaysInEvalModeUnchangedAndWithoutGradient()
    {
        using var train = TrainerFixture.Data(40, 1);
        using var student = TrainerFixture.Network(5);
        using var teacher = TrainerFixture.Network(9);
        teacher.train();
        var before = TrainerFixture.State(teacher);
        using var trainer = new DistillationTrainer(student, teacher, new ArdirLoss(new ArdirLossOptions { Layers = ["body.layer*"], TeacherData = TeacherData.RobustAdversarial }), Without());
        trainer.Fit(train);
        teacher.training.Should().BeFalse();
        teacher.modules().Should().OnlyContain(module => !module.training);
        TrainerFixture.SameState(TrainerFixture.State(teacher), before);
        teacher.parameters().Select(parameter => parameter.grad).Should().AllSatisfy(gradient => Assert.True(gradient is null));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void AttackInTrainMode_DecidesWhetherCraftingMovesBatchNorm(bool trainMode)
    {
        using var train = TrainerFixture.Data(20, 1);
        using var student = TrainerFixture.Network(5);
        var seen = new List<double[]>();
        var spy = new SpyAttack(TrainerFixture.Threat, model => seen.Add(RunningMean((nn.Module)model)));
        using var trainer = new DistillationTrainer(student, null, new AdversarialTrainingLoss(),
            Without() with { Epochs = 1, TrainAttack = spy, AttackInTrainMode = trainMode });
        trainer.Fit(train);
        seen.Count.Should().Be(2, "before and after the one attack");
        if (trainMode) seen[1].Should().NotEqual(seen[0]);
        else seen[1].Should().Equal(seen[0]);
    }

    [Fact]
    public void Fit_NoHooksDuringAttacks_AndFrozenModulesStayFrozen()
    {
        using var train = TrainerFixture.Data(40, 1);
        using var student = TrainerFixture.Network(5);
        using var teacher = TrainerFixture.Network(9);
        student.train();
        var frozen = student.modules().OfType<TorchSharp.Modules.BatchNorm2d>().First();
        frozen.eval();
        var mean = TensorAssert.Values(frozen.running_mean!);
        var hooks = new List<int>();
        var spy = new SpyAttack(TrainerFixture.Threat, model => hooks.Add(Hooks((nn.Module)model) + Hooks(teacher)));
        using var trainer = new DistillationTrainer(student, teacher, TrainerFixture.Loss(), Without() with { TrainAttack = spy });
        trainer.Fit(train);
        hooks.Should().NotBeEmpty().And.OnlyContain(count => count == 0);
        frozen.training.Should().BeFalse();
        TensorAssert.Values(frozen.running_mean!).Should().Equal(mean);
    }

    [Fact]
    public void Fit_StandardTraining_IsSgdByTheFormula()
    {
        using var scope = NewDisposeScope();
        using var data = TrainerFixture.Data(10, 1);
        using var student = TinyModels.Linear(classes: 3, inputs: 64);
        var (w, b) = (student.Weight.detach().clone(), student.Bias.detach().clone());
        using var trainer = new DistillationTrainer(student, null, new StandardTrainingLoss(), new TrainerOptions { Epochs = 3, BatchSize = 10, LearningRate = 0.2, Milestones = [2], Momentum = 0.9, WeightDecay = 0.01 });
        trainer.Fit(data);

        var (x, y) = data.Batch([0, 1, 2, 3, 4, 5, 6, 7, 8, 9], ScalarType.Float64);
        var (vw, vb) = (zeros_like(w), zeros_like(b));
        foreach (var rate in new[] { 0.2, 0.2, 0.02 })
        {
            // d CE / d logits = (softmax - onehot) / N
            var p = (x.flatten(1).mm(w.t()) + b).softmax(1) - nn.functional.one_hot(y, 3).to(ScalarType.Float64);
            vw = vw * 0.9 + p.t().mm(x.flatten(1)) / 10 + w * 0.01;
            vb = vb * 0.9 + p.sum(dim: 0) / 10 + b * 0.01;
            (w, b) = (w - vw * rate, b - vb * rate);
        }
        TensorAssert.Close(student.Weight, w, 1e-12);
        TensorAssert.Close(student.Bias, b, 1e-12);
    }

    [Fact]
    public void Fit_ReportsInOrder_AndLogsEachEpoch()
    {
        using var train = TrainerFixture.Data(50, 1);
        using var validation = TrainerFixture.Data(20, 2);
        using var student = TrainerFixture.Network(5);
        var (progress, logger) = (new ListProgress<TrainingProgress>(), new ListLogger());
        using var trainer = new DistillationTrainer(student, null, new AdversarialTrainingLoss(), TrainerFixture.Options() with { Epochs = 2, Milestones = [], Logger = logger });
        trainer.Fit(train, validation, progress);
        progress.Reports.Where(report => report.Epoch == 1).Select(report => (report.Phase, report.Step, report.Steps)).Should().Equal(
            (TrainingPhase.Train, 1, 3), (TrainingPhase.Train, 2, 3), (TrainingPhase.Train, 3, 3), (TrainingPhase.Evaluate, 1, 1), (TrainingPhase.EpochEnd, 1, 1));
        progress.Reports[^1].Metrics!.Epoch.Should().Be(1);
        progress.Reports[^1].Remaining.Should().Be(TimeSpan.Zero);
        logger.Entries.Count(entry => entry.Level == LogLevel.Information && entry.Message.StartsWith("Epoch", StringComparison.Ordinal)).Should().Be(2);
    }

    [Fact]
    public void Fit_StuckOnOneClass_Warns()
    {
        using var train = TrainerFixture.Data(30, 1);
        using var student = TrainerFixture.Network(5);
        var logger = new ListLogger();
        using var trainer = new DistillationTrainer(student, null, new StandardTrainingLoss(), Without() with { Epochs = 10, LearningRate = 1e-12, WeightDecay = 0, Logger = logger });
        trainer.Fit(train);
        logger.Entries.Should().Contain(entry => entry.Level == LogLevel.Warning && entry.Message.Contains("stuck"));
    }

    [Fact]
    public void Fit_LossBecomesNaN_StopsAndSaysSo()
    {
        using var train = TrainerFixture.Data(30, 1);
        using var student = TrainerFixture.Network(5);
        using var trainer = new DistillationTrainer(student, null, new StandardTrainingLoss(), Without() with { LearningRate = 1e30, Epochs = 3 });
        var fit = () => trainer.Fit(train);
        fit.Should().Throw<InvalidOperationException>().WithMessage("*loss became*Lower the learning rate*");
    }

    [Fact]
    public void Constructor_MissingParts_AreNamed()
    {
        using var student = TrainerFixture.Network(5);
        var noTeacher = () => new DistillationTrainer(student, null, TrainerFixture.Loss(), Without());
        noTeacher.Should().Throw<ArgumentNullException>().WithMessage("*ARDIR needs a teacher*");
        var noAttack = () => new DistillationTrainer(student, null, new AdversarialTrainingLoss());
        noAttack.Should().Throw<ArgumentException>().WithMessage("*TrainAttack*");
        var noLayer = () => new DistillationTrainer(student, student.children().OfType<nn.Module<Tensor, Tensor>>().First(), new ArdirLoss(new ArdirLossOptions { Layers = ["nowhere"] }), Without());
        noLayer.Should().Throw<ArgumentException>().WithMessage("*'nowhere'*body.layer1*");
        using var trainer = new DistillationTrainer(student, null, new AdversarialTrainingLoss(), TrainerFixture.Options());
        using var data = TrainerFixture.Data(10, 1);
        var noValidation = () => trainer.Fit(data);
        noValidation.Should().Throw<ArgumentException>().WithMessage("*validation set*");
        var nothing = () => trainer.RestoreBest();
        nothing.Should().Throw<InvalidOperationException>().WithMessage("*Fit first*");
    }

    [Theory]
    [InlineData(0, 0, 0.01)]
    [InlineData(1, 4, 0.1)]
    [InlineData(2, 0, 0.1)]
    [InlineData(5, 3, 0.01)]
    [InlineData(9, 0, 0.001)]
    public void LearningRate_WarmUpAndMilestones(int epoch, int step, double expected) =>
        LearningRateSchedule.At(new TrainerOptions { LearningRate = 0.1, WarmupEpochs = 2, Milestones = [5, 8] }, epoch, step, steps: 5).Should().BeApproximately(expected, 1e-15);

    private static TrainerOptions Without() => TrainerFixture.Options() with { SelectionAttack = null, Epochs = 2, Milestones = [] };

    private static double[] RunningMean(nn.Module model) => TensorAssert.Values(model.modules().OfType<TorchSharp.Modules.BatchNorm2d>().First().running_mean!);

    private static int Hooks(nn.Module model) => model.modules().Sum(module =>
    {
        var count = 0;
        for (var type = module.GetType(); type is not null; type = type.BaseType)
            count += type.GetFields(BindingFlags.Instance | BindingFlags.NonPublic | BindingFlags.DeclaredOnly)
                .Where(field => field.Name.EndsWith("_hooks", StringComparison.Ordinal)).Sum(field => ((ICollection)field.GetValue(module)!).Count);
        return count;
    });

    private sealed class SpyAttack(ThreatModel threat, Action<IModule> look) : IAttack
    {
        public string Name => "spy";

        public ThreatModel Threat => threat;

        public Tensor Perturb(IModule model, Tensor images, Tensor labels, AttackContext? context = null)
        {
            look(model);
            var result = new PgdAttack(threat, new PgdOptions { Steps = 2 }).Perturb(model, images, labels, context);
            look(model);
            return result;
        }
    }
}

using Ardir.Attacks;
using Ardir.Core;
using Ardir.Distillation;

namespace Ardir.Tests;

/// <summary>What users did to break it.</summary>
public sealed class TrainerMisuseTests
{
    private static readonly ThreatModel _threat = ThreatModel.Linf(0.1);

    [Fact]
    public void Constructor_TeacherInsideTheStudent_IsRefused()
    {
        using var teacher = Network(1);
        using var student = new Normalize([0.5], [0.5], teacher);
        var create = () => new DistillationTrainer(student, teacher, new ArdLoss(), new TrainerOptions { Crafting = new OwnCrafting(new PgdAttack(_threat)) });
        create.Should().Throw<ArgumentException>().WithMessage("*share one (PreActResNet)*");
    }

    [Fact]
    public void Fit_CancelledInTheFirstEpoch_BeginsAgainWhereItBegan()
    {
        var folder = Directory.CreateTempSubdirectory("ardir-misuse-").FullName;
        using var data = Data();
        using var whole = Network(1);
        using (var trainer = new DistillationTrainer(whole, null, new StandardTrainingLoss(), Options(null))) trainer.Fit(data);
        using var student = Network(1);
        using (var trainer = new DistillationTrainer(student, null, new StandardTrainingLoss(), Options(folder)))
        {
            using var stop = new CancellationTokenSource();
            var first = () => trainer.Fit(data, progress: new ListProgress<TrainingProgress>(report => { if (report.Step == 3) stop.Cancel(); }), cancellationToken: stop.Token);
            first.Should().Throw<OperationCanceledException>();
            trainer.Fit(data);
        }
        foreach (var (name, value) in whole.state_dict()) TensorAssert.Same(student.state_dict()[name], value);
        Directory.Delete(folder, recursive: true);
    }

    [Fact]
    public void Fit_FolderThatCannotBeWritten_IsNoticedBeforeAnyWork()
    {
        var file = Path.GetTempFileName();
        using var data = Data();
        using var student = Network(1);
        using var trainer = new DistillationTrainer(student, null, new StandardTrainingLoss(), Options(file));
        var progress = new ListProgress<TrainingProgress>();
        var fit = () => trainer.Fit(data, progress: progress);
        fit.Should().Throw<IOException>().WithMessage("*CheckpointDirectory*");
        progress.Reports.Should().BeEmpty();
        File.Delete(file);
    }

    [Fact]
    public void Fit_FewerEpochsThanTheRunHas_IsRefused()
    {
        var folder = Directory.CreateTempSubdirectory("ardir-misuse-").FullName;
        using var data = Data();
        using var student = Network(1);
        using (var trainer = new DistillationTrainer(student, null, new StandardTrainingLoss(), Options(folder))) trainer.Fit(data);
        using var shorter = new DistillationTrainer(student, null, new StandardTrainingLoss(), Options(folder) with { Epochs = 1 });
        var fit = () => shorter.Fit(data);
        fit.Should().Throw<InvalidOperationException>().WithMessage("*2 epochs already; Epochs is 1*");
        Directory.Delete(folder, recursive: true);
    }

    [Fact]
    public void Fit_WholeSetAsOneBatchInsideNoGrad_Works()
    {
        using var data = Data();
        using var student = Network(1);
        using var noGrad = no_grad();
        using var trainer = new DistillationTrainer(student, null, new StandardTrainingLoss(), Options(null) with { BatchSize = int.MaxValue });
        trainer.Fit(data).Epochs.Count.Should().Be(2);
    }

    [Fact]
    public void Evaluate_AttackThatLeavesTheBall_IsNamed()
    {
        using var data = Data();
        using var model = Network(1);
        var evaluate = () => RobustnessEvaluator.Evaluate(model, data, new Cheat(_threat, images => images.add(0.5).clamp(0, 1)));
        evaluate.Should().Throw<InvalidOperationException>().WithMessage("cheat returned images outside Linf(0.1)*");
    }

    [Fact]
    public void WorstCase_AttackThatReturnsItsInput_LeavesTheCallersImagesAlone()
    {
        using var model = Network(1);
        using var images = TinyModels.Random([4, 1, 8, 8], 1, ScalarType.Float32);
        using var labels = TinyModels.Labels(4, 3);
        using var before = images.clone();
        using var result = new WorstCaseAttack("chain", new Cheat(_threat, input => input), new PgdAttack(_threat)).Perturb(model, images, labels);
        TensorAssert.Same(images, before);
        ReferenceEquals(result, images).Should().BeFalse();
    }

    [Fact]
    public void Perturb_ModelThatChangesItsInput_IsToldOrStaysInTheBall()
    {
        using var scope = NewDisposeScope();
        using var weights = Network(1);
        var honest = 0;
        using var model = new FuncModel(x =>
        {
            if (honest-- > 0) return weights.call(x);
            using (no_grad()) x.mul_(0.9);
            return weights.call(x);
        });
        var (images, labels) = (TinyModels.Random([4, 1, 8, 8], 1, ScalarType.Float32), TinyModels.Labels(4, 3));
        Tensor Attack() => new PgdAttack(_threat, new PgdOptions { Loss = AttackLoss.KlToClean }).Perturb(model, images, labels);
        FluentActions.Invoking(Attack).Should().Throw<InvalidOperationException>().WithMessage("*changes its input in place*");
        // One that begins later is not seen, and yet cannot lead out of the ball around the true images.
        honest = 2;
        TensorAssert.AllTrue(_threat.Contains(images, Attack()));
    }

    private static TrainerOptions Options(string? folder) => new() { Epochs = 2, BatchSize = 10, LearningRate = 0.05, Milestones = [], CheckpointDirectory = folder };

    private static PreActResNet Network(ulong seed) => PreActResNet.Create(new PreActResNetOptions { InputChannels = 1, Classes = 3, Widths = [3, 4], BlocksPerStage = 1, Seed = seed });

    private static ImageDataset Data()
    {
        using var pixels = TinyModels.Random([40, 1, 8, 8], 5, ScalarType.Float32, 0, 255);
        return new ImageDataset(pixels.to(ScalarType.Byte), TinyModels.Labels(40, 3));
    }

    private sealed class Cheat(ThreatModel threat, Func<Tensor, Tensor> change) : IAttack
    {
        public string Name => "cheat";

        public ThreatModel Threat => threat;

        public Tensor Perturb(IModule model, Tensor images, Tensor labels, AttackContext? context = null) => change(images);
    }
}

using Ardir.Core;
using Ardir.Distillation;

namespace Ardir.Tests;

/// <summary>Every objective trains a small network by its own attack: the weights change, and a second run, which is stopped on the way, ends bit-equal.</summary>
public sealed class TrainerObjectiveTests
{
    private const int Epochs = 3;

    /// <summary>Losses by name; schedules begin with the second epoch, so that a stop falls on either side of them.</summary>
    private static readonly Dictionary<string, Func<nn.Module<Tensor, Tensor>, nn.Module<Tensor, Tensor>, IDistillationLoss>> _losses = new()
    {
        ["Standard"] = (_, _) => new StandardTrainingLoss(),
        ["SAT"] = (_, _) => new AdversarialTrainingLoss(),
        ["KD"] = (_, _) => new KdLoss(),
        ["ARD"] = (_, _) => new ArdLoss(),
        ["ARDIR"] = (_, _) => new ArdirLoss(),
        ["TRADES"] = (_, _) => new TradesLoss(),
        ["MART"] = (_, _) => new MartLoss(),
        ["RSLAD"] = (_, _) => new RsladLoss(),
        ["IAD-I"] = (_, _) => new IadLoss(new() { Begin = 1 }),
        ["IAD-II"] = (_, _) => new IadTwoTeacherLoss(new() { Begin = 1 }),
        ["AKD2"] = (_, _) => new Akd2Loss(),
        ["FitNets"] = (_, _) => new FitNetsLoss(new() { HintEpochs = 1, MeanOverElements = true }),
        ["FitNets adapted"] = (student, teacher) => new FitNetsLoss(new() { HintEpochs = 2, MeanOverElements = true, Layers = ["layer2"], Adapters = Between(student, teacher, ["layer2"]) }),
        ["LPIPS adapted"] = (student, teacher) => new LpipsInternalLoss(new() { Adapters = Between(student, teacher, ["layer*"]) }),
        ["ARDIR adapted"] = (student, teacher) => new ArdirLoss(new() { Features = new() { Adapters = Between(student, teacher, ["layer*"]) } }),
        ["Sum"] = (student, teacher) => new WeightedSumLoss((1, new TradesLoss()), (0.5, new ArdirLoss(new() { Features = new() { Adapters = Between(student, teacher, ["layer*"]) } }))),
    };

    public static TheoryData<string> Losses => [.. _losses.Keys];

    /// <summary>A loss for a student and a teacher of <see cref="TrainingWorld"/>.</summary>
    internal static IDistillationLoss Loss(string name, nn.Module<Tensor, Tensor> student, nn.Module<Tensor, Tensor> teacher) => _losses[name](student, teacher);

    [Theory, MemberData(nameof(Losses))]
    public void Fit_Objective_Trains_AndStoppedAndResumedEndsBitEqual(string name)
    {
        using var folder = new TemporaryFolder();
        using var data = TrainingWorld.Data(20);
        var once = Run(name, data, folder.File("once"), Epochs);
        Run(name, data, folder.File("stopped"), 1);
        var resumed = Run(name, data, folder.File("stopped"), Epochs);

        TrainingWorld.SameState(resumed.Student, once.Student);
        TrainingWorld.SameMetrics(resumed.Result.Epochs, once.Result.Epochs);
        // With the loss's own parameters and all momentum.
        TrainingWorld.SameState(Tensors(folder.File("stopped/last.safetensors")), Tensors(folder.File("once/last.safetensors")));
        once.Result.Epochs.Should().OnlyContain(epoch => double.IsFinite(epoch.TrainLoss));
        using var untrained = TrainingWorld.Network();
        once.Student["conv1.weight"].Should().NotEqual(TrainingWorld.State(untrained)["conv1.weight"]);
    }

    [Theory]
    [InlineData("FitNets adapted", 2)]
    [InlineData("LPIPS adapted", 4)]
    [InlineData("Sum", 4)]
    public void Fit_Adapters_LearnWithTheStudentAndAreInTheCheckpoint(string name, int parameters)
    {
        using var folder = new TemporaryFolder();
        using var data = TrainingWorld.Data(20);
        var run = Run(name, data, folder.Path, 1);
        run.After.Should().HaveCount(parameters);
        foreach (var (key, values) in run.Before) run.After[key].Should().NotEqual(values);
        var tensors = Tensors(folder.File("last.safetensors"));
        foreach (var (key, values) in run.After)
        {
            tensors[$"loss.weights.{key}"].Should().Equal(values);
            tensors.Should().ContainKey($"loss.optimizer.{key}");
        }
        Tensors(folder.File("best.safetensors")).Keys.Should().Contain(key => key.StartsWith("loss.weights.")).And.NotContain(key => key.StartsWith("loss.optimizer."));
    }

    public static TheoryData<string, Func<TrainerOptions, TrainerOptions>> Wrappers => new()
    {
        { "perturbed weights", options => options with { WeightPerturbation = new(), MaxGradientNorm = 0.5 } },
        { "accumulation", options => options with { AccumulationSteps = 3, LabelSmoothing = 0.1 } },
        { "averages", options => options with { WeightAveraging = new ExponentialMovingAverage { Decay = 0.5 } } },
        { "bfloat16", options => options with { Precision = TrainingPrecision.BFloat16 } },
        { "skipping", options => options with { NonFiniteLoss = NonFiniteLoss.Skip } },
        { "checkpoints within epochs", options => options with { CheckpointInterval = TimeSpan.FromTicks(1) } },
    };

    [Theory, MemberData(nameof(Wrappers))]
    public void Fit_AdaptersUnderEveryWrapper_ResumeBitEqualFromTheMiddleOfAnEpoch(string name, Func<TrainerOptions, TrainerOptions> change)
    {
        using var data = TrainingWorld.Data(20);
        using var folder = new TemporaryFolder();
        foreach (var loss in new[] { "Sum", "FitNets adapted" })
        {
            var (once, stopped) = (folder.File($"once {loss}"), folder.File($"stopped {loss}"));
            var expected = Run(loss, data, once, Epochs, change);
            foreach (var (key, values) in expected.Before) expected.After[key].Should().NotEqual(values, name);
            using (var setup = new Setup(loss, stopped, Epochs, change))
            {
                using var source = new CancellationTokenSource();
                var progress = new ListProgress<TrainingProgress>(report => { if (report is { Phase: TrainingPhase.Train, Epoch: 1, Step: 2 }) source.Cancel(); });
                setup.Trainer.Invoking(trainer => trainer.Fit(data, null, progress, source.Token)).Should().Throw<OperationCanceledException>();
            }
            var resumed = Run(loss, data, stopped, Epochs, change);
            TrainingWorld.SameState(resumed.Student, expected.Student);
            TrainingWorld.SameState(resumed.After, expected.After);
            TrainingWorld.SameState(Tensors(Path.Combine(stopped, "last.safetensors")), Tensors(Path.Combine(once, "last.safetensors")));
        }
    }

    [Fact]
    public void Fit_AdaptersInStageTwo_RestWithoutDecay()
    {
        using var data = TrainingWorld.Data(20);
        using var folder = new TemporaryFolder();
        var first = Run("FitNets adapted", data, folder.Path, 2);
        var second = Run("FitNets adapted", data, folder.Path, 3);
        TrainingWorld.SameState(second.After, first.After);
    }

    [Fact]
    public void Fit_CheckpointWithDamagedLossState_IsRefusedAndChangesNothing()
    {
        using var folder = new TemporaryFolder();
        using var data = TrainingWorld.Data(20);
        Run("LPIPS adapted", data, folder.Path, 1);
        var (header, bytes) = SafetensorsBytes.Split(File.ReadAllBytes(folder.File("last.safetensors")));
        foreach (var (what, with) in new[]
        {
            ("loss.weights.0.bias", "loss.weights.9.bias"), ("loss.weights.0.bias", "lost.weights.0.bias"), ("loss.optimizer.0.bias", "loss.optimizer.9.bias"),
            ("\"loss.weights.0.bias\":{\"dtype\":\"F32\",\"shape\":[6]", "\"loss.weights.0.bias\":{\"dtype\":\"F32\",\"shape\":[6,1]"),
        })
        {
            header.Should().Contain(what);
            File.WriteAllBytes(folder.File("last.safetensors"), SafetensorsBytes.Of(System.Text.Encoding.UTF8.GetBytes(header.Replace(what, with)), bytes));
            using var setup = new Setup("LPIPS adapted", folder.Path, 2);
            var (student, adapters) = (TrainingWorld.State(setup.Student), TrainingWorld.State(setup.Loss.Trainable!));
            setup.Trainer.Invoking(trainer => trainer.Fit(data)).Should().Throw<WeightFormatException>().WithMessage("*last.safetensors*");
            TrainingWorld.SameState(TrainingWorld.State(setup.Student), student);
            TrainingWorld.SameState(TrainingWorld.State(setup.Loss.Trainable!), adapters);
        }
    }

    [Fact]
    public void Constructor_LossThatTrainsPartOfANetwork_IsRefused()
    {
        using var student = TrainingWorld.Network();
        var loss = new SharingLoss(student.children().First());
        FluentActions.Invoking(() => new DistillationTrainer(student, null, loss, TrainingWorld.Options())).Should().Throw<ArgumentException>().WithMessage("*Trainable*");
    }

    [Fact]
    public void Fit_AdaptedRun_LeavesNoTensorBehind()
    {
        using var data = TrainingWorld.Data(20);
        LeakAssert.None(() =>
        {
            using var setup = new Setup("Sum", null, 2);
            setup.Trainer.Fit(data);
        }, runs: 2);
    }

    private static FeatureAdapters Between(nn.Module<Tensor, Tensor> student, nn.Module<Tensor, Tensor> teacher, string[] layers) =>
        FeatureAdapters.Create(FeatureAdapters.ShapesOf(student, [1, 8, 8], layers), FeatureAdapters.ShapesOf(teacher, [1, 8, 8], layers), seed: 7);

    private static (TrainingResult Result, Dictionary<string, double[]> Student, Dictionary<string, double[]> Before, Dictionary<string, double[]> After) Run(
        string name, ImageDataset data, string? folder, int epochs, Func<TrainerOptions, TrainerOptions>? change = null)
    {
        using var setup = new Setup(name, folder, epochs, change);
        Dictionary<string, double[]> Adapters() => setup.Loss.Trainable is { } trainable ? TrainingWorld.State(trainable) : [];
        var before = Adapters();
        var result = setup.Trainer.Fit(data);
        return (result, TrainingWorld.State(setup.Student), before, Adapters());
    }

    private static Dictionary<string, double[]> Tensors(string path)
    {
        var tensors = SafetensorsFile.Read(path).Tensors;
        var values = tensors.ToDictionary(pair => pair.Key, pair => TensorAssert.Values(pair.Value));
        foreach (var tensor in tensors.Values) tensor.Dispose();
        return values;
    }

    private sealed class SharingLoss(nn.Module part) : IDistillationLoss
    {
        public string Name => "sharing";

        public DistillationNeeds Needs { get; } = new() { Passes = [NetworkPass.StudentClean] };

        public nn.Module? Trainable => part;

        public LossTerms Compute(DistillationInputs inputs) => new(inputs.StudentClean!.Output.mean());
    }

    /// <summary>Everything new, as after a restart of the process. With adapters the teacher has other widths than the student.</summary>
    private sealed class Setup : IDisposable
    {
        private readonly PreActResNet _teacher;
        private readonly PreActResNet _standard = TrainingWorld.Network(9);

        public Setup(string name, string? folder, int epochs, Func<TrainerOptions, TrainerOptions>? change = null)
        {
            Student = TrainingWorld.Network();
            _teacher = name.EndsWith("adapted", StringComparison.Ordinal) || name == "Sum"
                ? PreActResNet.Create(new() { InputChannels = 1, Classes = 3, Widths = [6, 5], BlocksPerStage = 1, Seed = 8 })
                : TrainingWorld.Network(8);
            Loss = _losses[name](Student, _teacher);
            var options = new TrainerOptions
            {
                Epochs = epochs, BatchSize = 8, LearningRate = 0.02, Milestones = [], Crafting = new PrescribedCrafting(ThreatModel.Linf(TrainingWorld.Epsilon)), CheckpointDirectory = folder, Seed = 5,
            };
            Trainer = new DistillationTrainer(Student, _teacher, Loss, change?.Invoke(options) ?? options, _standard);
        }

        public PreActResNet Student { get; }

        public IDistillationLoss Loss { get; }

        public DistillationTrainer Trainer { get; }

        public void Dispose()
        {
            Trainer.Dispose();
            Student.Dispose();
            _teacher.Dispose();
            _standard.Dispose();
            Loss.Trainable?.Dispose();
        }
    }
}

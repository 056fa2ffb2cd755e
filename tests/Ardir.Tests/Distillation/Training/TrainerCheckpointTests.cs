using Ardir.Attacks;
using System.Text;
using Ardir.Core;
using Ardir.Distillation;

namespace Ardir.Tests;

/// <summary>Checkpoints of other runs and damaged ones, and which epoch counts as the best.</summary>
public sealed class TrainerCheckpointTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly ImageDataset _data = TrainingWorld.Data(20);

    private string Last => _folder.File("last.safetensors");

    public void Dispose()
    {
        _data.Dispose();
        _folder.Dispose();
    }

    public static TheoryData<string, Func<TrainerOptions, TrainerOptions>> ChangedOptions => new()
    {
        { "BatchSize", o => o with { BatchSize = 5 } }, { "LearningRate", o => o with { LearningRate = 0.04 } }, { "Milestones", o => o with { Milestones = [1] } },
        { "LearningRateDecay", o => o with { LearningRateDecay = 0.2 } }, { "WarmupEpochs", o => o with { WarmupEpochs = 1 } }, { "Optimizer", o => o with { Optimizer = new SgdOptimizer { Momentum = 0.8 } } },
        { "Augmentation", o => o with { Augmentation = ImageAugmentation.Cifar } },
        { "Crafting", o => o with { Crafting = new OwnCrafting(TrainingWorld.Pgd(3)) } }, { "SelectionAttack", o => o with { SelectionAttack = TrainingWorld.Pgd(1) } }, { "Seed", o => o with { Seed = 6 } },
        { "Schedule", o => o with { Schedule = new CosineSchedule() } }, { "MaxGradientNorm", o => o with { MaxGradientNorm = 1 } },
        { "LabelSmoothing", o => o with { LabelSmoothing = 0.1 } }, { "AccumulationSteps", o => o with { AccumulationSteps = 2 } },
        { "WeightPerturbation", o => o with { WeightPerturbation = new() } }, { "WeightAveraging", o => o with { WeightAveraging = new ExponentialMovingAverage() } },
        { "Precision", o => o with { Precision = TrainingPrecision.BFloat16 } }, { "SearchPrecision", o => o with { SearchPrecision = SearchPrecision.BFloat16 } },
        { "NonFiniteLoss", o => o with { NonFiniteLoss = NonFiniteLoss.Skip } },
        { "AllowTf32", o => o with { AllowTf32 = true } }, { "BatchNorm", o => o with { BatchNorm = DistributedBatchNorm.Local } },
    };

    /// <summary>What the models, the loss and the data decide; each has its own line in the test below.</summary>
    private static readonly string[] _others = ["teacher", "standard teacher", "student", "loss", "training set", "validation set"];

    [Fact]
    public void Identity_EveryKey_HasATestOfItsRefusal()
    {
        using var network = TrainingWorld.Network();
        var keys = RunIdentity.Of(TrainingWorld.Setup(Options, new ArdLoss(), network, network, network), _data, _data).Keys;
        keys.Should().BeEquivalentTo(ChangedOptions.Select(row => (string)row[0]).Concat(_others), "a key that no test changes could be left out of the comparison unnoticed");
        typeof(TrainerOptions).GetProperties().Select(property => property.Name).Should().BeEquivalentTo(
            ChangedOptions.Select(row => (string)row[0]).Concat(RunIdentity.Free), "an option decides how a run goes on, or it is named as one that does not");
    }

    public static TheoryData<string, TrainerOptions, TrainerOptions> ChangedWithinAnOption => new()
    {
        { "Schedule", new() { Schedule = new LinearSchedule() }, new() { Schedule = new CosineSchedule() } },
        { "WeightPerturbation", new() { WeightPerturbation = new() { Gamma = 0.01 } }, new() { WeightPerturbation = new() { Gamma = 0.011 } } },
        { "WeightPerturbation", new() { WeightPerturbation = new() { WarmupEpochs = 1 } }, new() { WeightPerturbation = new() { WarmupEpochs = 2 } } },
        { "WeightAveraging", new() { WeightAveraging = new ExponentialMovingAverage { Decay = 0.9 } }, new() { WeightAveraging = new ExponentialMovingAverage { Decay = 0.99 } } },
        { "WeightAveraging", new() { WeightAveraging = new StochasticWeightAveraging { EveryEpochs = 1 } }, new() { WeightAveraging = new StochasticWeightAveraging { EveryEpochs = 2 } } },
        { "MaxGradientNorm", new() { MaxGradientNorm = 1 }, new() { MaxGradientNorm = 1.5 } },
        { "Augmentation", new() { Augmentation = new() { Padding = 1 } }, new() { Augmentation = new() { Padding = 2 } } },
    };

    [Theory, MemberData(nameof(ChangedWithinAnOption))]
    public void Identity_OptionsThatDifferInside_DifferInTheirKeyAlone(string name, TrainerOptions one, TrainerOptions other)
    {
        using var network = TrainingWorld.Network();
        Dictionary<string, string> Of(TrainerOptions options) => RunIdentity.Of(TrainingWorld.Setup(options, new ArdLoss(), network, network, null), _data, null);
        var (first, second) = (Of(one), Of(other));
        first.Keys.Where(key => first[key] != second[key]).Should().Equal(name);
    }

    [Theory, MemberData(nameof(ChangedOptions))]
    public void Fit_CheckpointOfOtherOptions_IsRefusedNamingWhatDiffers(string name, Func<TrainerOptions, TrainerOptions> change)
    {
        Train(Options);
        Refuses(() => Train(change(Options)), name);
    }

    [Fact]
    public void Fit_CheckpointOfOtherModelsLossOrData_IsRefusedNamingWhatDiffers()
    {
        Train(Options);
        using var teacher = TrainingWorld.Network(9);
        using var wide = PreActResNet.Create(new() { InputChannels = 1, Classes = 3, Widths = [4, 9], BlocksPerStage = 1, Seed = 1 });
        using var other = TrainingWorld.Data(20, seed: 3);
        Refuses(() => Train(Options, teacher: teacher), "teacher");
        Refuses(() => Train(Options, student: wide), "student");
        Refuses(() => Train(Options, loss: new ArdLoss(new() { Kl = new() { Temperature = 2 } })), "loss");
        Refuses(() => Train(Options, train: other), "training set");
        Refuses(() => Train(Options, validation: other), "validation set");
        Refuses(() => Train(Options, standardTeacher: teacher), "standard teacher");
    }

    [Fact]
    public void Fit_MoreEpochsOrAnotherEvaluationBatch_GoesOn()
    {
        Train(Options);
        Train(Options with { Epochs = 3, EvaluationBatchSize = 7 }).Epochs.Should().HaveCount(3);
    }

    [Fact]
    public void Fit_TruncatedCheckpoint_IsRefusedAndLeftAsItWas()
    {
        Train(Options);
        var whole = File.ReadAllBytes(Last);
        foreach (var length in new[] { 0, 5, 100, whole.Length / 2, whole.Length - 1 })
        {
            File.WriteAllBytes(Last, whole[..length]);
            FluentActions.Invoking(() => Train(Options)).Should().Throw<WeightFormatException>().WithMessage("*last.safetensors*");
            File.ReadAllBytes(Last).Should().Equal(whole[..length]);
        }
    }

    public static TheoryData<string, string> Damage => new()
    {
        { "\\u0022format\\u0022:3", "\\u0022format\\u0022:4" },
        { "\\u0022best\\u0022:0", "\\u0022best\\u0022:7" },
        { "\\u0022best\\u0022:0", "\\u0022beast\\u0022:0" },
        { "\\u0022epoch\\u0022:0", "\\u0022epoch\\u0022:4" },
        { "\\u0022epochs\\u0022:[", "\\u0022epochs\\u0022:null,\\u0022x\\u0022:[" },
        { "\\u0022epochs\\u0022:[", "\\u0022epochs\\u0022:[null,null," },
        { "\\u0022identity\\u0022:{", "\\u0022identity\\u0022:null,\\u0022x\\u0022:{" },
        { "\\u0022terms\\u0022:{", "\\u0022terms\\u0022:null,\\u0022x\\u0022:{" },
        { "ardir.training", "ardir.drawing" },
        { "student.linear.bias", "student.linear.bios" },
        { "\"student.linear.bias\":{\"dtype\":\"F32\",\"shape\":[3]", "\"student.linear.bias\":{\"dtype\":\"F32\",\"shape\":[3,1]" },
        { "optimizer.linear.bias", "optimizer.linear.bios" },
        { "\"optimizer.linear.bias\":{\"dtype\":\"F32\",\"shape\":[3]", "\"optimizer.linear.bias\":{\"dtype\":\"F32\",\"shape\":[3,1]" },
    };

    [Theory, MemberData(nameof(Damage))]
    public void Fit_DamagedCheckpoint_IsRefusedAndLeavesFileAndStudentAsTheyWere(string what, string with)
    {
        Train(Options);
        var (header, data) = SafetensorsBytes.Split(File.ReadAllBytes(Last));
        header.Should().Contain(what);
        var damaged = SafetensorsBytes.Of(Encoding.UTF8.GetBytes(header.Replace(what, with)), data);
        File.WriteAllBytes(Last, damaged);
        using var student = TrainingWorld.Network(33);
        var before = TrainingWorld.State(student);
        FluentActions.Invoking(() => Train(Options, student: student)).Should().Throw<WeightFormatException>().WithMessage("*last.safetensors*");
        File.ReadAllBytes(Last).Should().Equal(damaged);
        TrainingWorld.SameState(TrainingWorld.State(student), before);
    }

    [Fact]
    public void Fit_WeightFileInTheCheckpointsPlace_IsRefused()
    {
        using var student = TrainingWorld.Network();
        SafetensorsFile.Write(Last, student.state_dict());
        FluentActions.Invoking(() => Train(Options)).Should().Throw<WeightFormatException>().WithMessage("*not a training checkpoint*");
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Fit_Best_IsTheEarliestOfTheHighestRobustAccuracies(bool directory)
    {
        int[] robust = [4, 6, 3, 6, 5];
        using var student = new Brightness(1);
        using var data = Brightness.Data(8);
        var evaluated = 0;
        // Weights shrink by half at each of the epochs' single steps, so they tell which epoch they are of.
        var options = new TrainerOptions { Epochs = 5, BatchSize = 8, LearningRate = 0.5, Optimizer = new SgdOptimizer { Momentum = 0, WeightDecay = 1 }, CheckpointDirectory = directory ? _folder.Path : null };
        using var trainer = new DistillationTrainer(student, null, new StandardTrainingLoss(), options with { SelectionAttack = new DarkeningAttack(() => robust[evaluated++]) });
        trainer.Invoking(t => t.RestoreBest()).Should().Throw<InvalidOperationException>().WithMessage("*Fit first*");
        var result = trainer.Fit(data, data);
        result.Epochs.Select(epoch => epoch.RobustAccuracy).Should().Equal(4 / 8.0, 6 / 8.0, 3 / 8.0, 6 / 8.0, 5 / 8.0);
        result.Epochs.Should().OnlyContain(epoch => epoch.CleanAccuracy == 1);
        (result.Best.Epoch, result.Last.Epoch).Should().Be((1, 4));
        student.Weight.Should().BeApproximately(Math.Pow(0.5, 5), 1e-6, "the student holds the last weights");
        trainer.RestoreBest();
        student.Weight.Should().BeApproximately(Math.Pow(0.5, 2), 1e-6);
        if (directory) _folder.Names.Should().Equal("best.safetensors", "last.safetensors");
        else _folder.Names.Should().BeEmpty();
    }

    [Theory]
    [InlineData(true, 0)]
    [InlineData(false, 2)]
    public void Fit_WithoutSelectionAttack_BestIsByCleanAccuracyOrTheLast(bool validate, int best)
    {
        using var student = new Brightness(1);
        using var data = Brightness.Data(8);
        using var trainer = new DistillationTrainer(student, null, new StandardTrainingLoss(), new() { Epochs = 3, BatchSize = 8, LearningRate = 0.5, Optimizer = new SgdOptimizer { Momentum = 0, WeightDecay = 1 } });
        var result = trainer.Fit(data, validate ? data : null);
        result.Best.Epoch.Should().Be(best);
        result.Epochs.Should().OnlyContain(epoch => epoch.CleanAccuracy == (validate ? 1 : (double?)null) && epoch.RobustAccuracy == null);
        trainer.RestoreBest();
        student.Weight.Should().BeApproximately(Math.Pow(0.5, best + 1), 1e-6);
    }

    private TrainerOptions Options => TrainingWorld.Options(1) with { SelectionAttack = TrainingWorld.Pgd(), CheckpointDirectory = _folder.Path };

    private TrainingResult Train(
        TrainerOptions options, PreActResNet? student = null, PreActResNet? teacher = null, IDistillationLoss? loss = null, ImageDataset? train = null, ImageDataset? validation = null,
        PreActResNet? standardTeacher = null)
    {
        using var ownStudent = TrainingWorld.Network(1);
        using var ownTeacher = TrainingWorld.Network(2);
        using var trainer = new DistillationTrainer(student ?? ownStudent, teacher ?? ownTeacher, loss ?? new ArdLoss(), options, standardTeacher);
        return trainer.Fit(train ?? _data, validation ?? _data);
    }

    private void Refuses(Action train, string name)
    {
        var before = File.ReadAllBytes(Last);
        var message = train.Should().Throw<InvalidOperationException>().Which.Message;
        message.Should().Contain("another run").And.Contain(_folder.Path);
        message.Split('\n').Skip(1).Should().ContainSingle().Which.Should().StartWith($"  {name}: was '");
        File.ReadAllBytes(Last).Should().Equal(before);
        _folder.Names.Should().Equal("best.safetensors", "last.safetensors");
    }

    /// <summary>Darkens all but some images, which <see cref="Brightness"/> then gets wrong.</summary>
    private sealed class DarkeningAttack(Func<int> spared) : Ardir.Attacks.IAttack
    {
        public string Name => "darkening";

        public ThreatModel Threat { get; } = ThreatModel.Linf(1);

        public Tensor Perturb(IModule model, Tensor images, Tensor labels, Ardir.Attacks.AttackContext? context = null)
        {
            var result = images.clone();
            result[TensorIndex.Slice(spared())] = 0;
            return result;
        }

        public override string ToString() => Name;
    }
}

using Ardir.Core;
using Ardir.Distillation;
using TorchSharp.Modules;

namespace Ardir.Tests;

/// <summary>A run in channels-last order trains the same weights, up to rounding, and leaves them in the order in which they came.</summary>
public sealed class TrainerFormatTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly ImageDataset _data = TrainingWorld.Data(20);
    private readonly PreActResNet _teacher = TrainingWorld.Network(9);

    public void Dispose()
    {
        _teacher.Dispose();
        _data.Dispose();
        _folder.Dispose();
    }

    [Theory, InlineData(MemoryFormat.ChannelsLast), InlineData(MemoryFormat.Measured)]
    public void Fit_InAnotherFormat_TrainsTheSameWeights_AndGivesThemBackAsTheyCame(MemoryFormat format)
    {
        var plain = Train(Options, ScalarType.Float64);
        var orders = new List<bool>();
        var trained = Train(Options with { MemoryFormat = format }, ScalarType.Float64, orders);
        TrainingWorld.CloseState(trained, plain);
        if (format == MemoryFormat.ChannelsLast) orders.Should().NotBeEmpty().And.OnlyContain(channelsLast => channelsLast);
    }

    [Fact]
    public void Fit_AttacksInShards_TrainsTheSameWeights()
    {
        var plain = Train(Options, ScalarType.Float64);
        var trained = Train(Options with { AttackShards = 3, SelectionAttack = TrainingWorld.Pgd() }, ScalarType.Float64);
        TrainingWorld.CloseState(trained, plain);
    }

    [Fact]
    public void Fit_AttacksByWinogradWithFoldedNorms_CraftsNearlyTheSameImages()
    {
        var (plain, fast) = (new List<Tensor>(), new List<Tensor>());
        Fit(plain, Options);
        Fit(fast, Options with { Convolutions = ConvolutionAlgorithm.Winograd, FoldBatchNorm = true });
        fast.Should().HaveSameCount(plain).And.HaveCountGreaterThan(2);
        TensorAssert.Different(fast[0], plain[0]);
        TensorAssert.Close(fast[0], plain[0], 1e-4);
        foreach (var logits in plain.Concat(fast)) logits.Dispose();

        void Fit(List<Tensor> seen, TrainerOptions options)
        {
            using var student = Student();
            // What the network answers to the attack, as it is the attack that computes by the algorithm.
            var attack = new ProbeAttack(ThreatModel.Linf(TrainingWorld.Epsilon), run =>
            {
                seen.Add(run.Logits(run.Images).detach().clone().DetachFromDisposeScope());
                return run.Images.alias();
            });
            using var trainer = new DistillationTrainer(student, _teacher, new ArdLoss(), options with { Crafting = new OwnCrafting(attack) });
            trainer.Fit(_data);
        }
    }

    [Fact]
    public void Fit_CheckpointOfOneFormat_ContinuesInAnother()
    {
        var options = Options with { CheckpointDirectory = _folder.Path, Epochs = 2 };
        var straight = Train(Options with { Epochs = 2 }, ScalarType.Float64);
        Train(options with { Epochs = 1, MemoryFormat = MemoryFormat.ChannelsLast }, ScalarType.Float64);
        var resumed = Train(options, ScalarType.Float64);
        TrainingWorld.CloseState(resumed, straight);
    }

    public static TheoryData<TrainingOptimizer> Optimizers => [new SgdOptimizer(), new AdamOptimizer(), new AdamWOptimizer()];

    [Theory, MemberData(nameof(Optimizers))]
    public void Fit_ResumedInChannelsLast_EndsBitEqualToTheUninterruptedRun(TrainingOptimizer optimizer)
    {
        var options = Options with { MemoryFormat = MemoryFormat.ChannelsLast, Optimizer = optimizer, LearningRate = 0.01, Epochs = 2 };
        var straight = Train(options, ScalarType.Float32);
        Train(options with { CheckpointDirectory = _folder.Path, Epochs = 1 }, ScalarType.Float32);
        TrainingWorld.SameState(Train(options with { CheckpointDirectory = _folder.Path }, ScalarType.Float32), straight);
    }

    [Fact]
    public void Fit_WithBFloat16AveragesAndAccumulation_KeepsTheOrderOfTheWeights() => Train(
        Options with
        {
            MemoryFormat = MemoryFormat.ChannelsLast, Precision = TrainingPrecision.BFloat16, AccumulationSteps = 2,
            WeightAveraging = new StochasticWeightAveraging { EveryEpochs = 1 }, WeightPerturbation = new(),
        },
        ScalarType.Float32);

    [Fact]
    public void Fit_ThatIsCancelled_GivesTheWeightsBackAsTheyCame()
    {
        using var student = Student();
        using var trainer = new DistillationTrainer(student, _teacher, new ArdLoss(), Options with { MemoryFormat = MemoryFormat.ChannelsLast });
        var (before, teacher) = (Seen(student), Seen(_teacher));
        using var cancellation = new CancellationTokenSource();
        var progress = new ListProgress<TrainingProgress>(_ => cancellation.Cancel());
        FluentActions.Invoking(() => trainer.Fit(_data, null, progress, cancellation.Token)).Should().Throw<OperationCanceledException>();
        Seen(student).Should().BeEquivalentTo(before, options => options.WithStrictOrdering());
        Seen(_teacher).Should().BeEquivalentTo(teacher, options => options.WithStrictOrdering());
    }

    // Wide enough to be trained in channels-last order.
    private static Sequential Student() => nn.Sequential(
        ("net", PreActResNet.Create(new PreActResNetOptions { InputChannels = 1, Classes = 3, Widths = [16, 16], BlocksPerStage = 1, Seed = 1 })),
        ("drop", nn.Dropout(0.1)));

    private static TrainerOptions Options => TrainingWorld.Options(epochs: 1) with { BatchSize = 8 };

    private Dictionary<string, double[]> Train(TrainerOptions options, ScalarType dtype, List<bool>? orders = null)
    {
        using var student = Student();
        student.to(dtype);
        _teacher.to(dtype);
        if (orders is not null)
            foreach (var convolution in student.modules().Concat(_teacher.modules()).OfType<Conv2d>())
                convolution.register_forward_hook((_, _, map) => { orders.Add(ChannelsLastLayout.Has(map)); return null!; });
        using var trainer = new DistillationTrainer(student, _teacher, new ArdLoss(), options);
        var (before, teacher) = (Seen(student), Seen(_teacher));
        trainer.Fit(_data, _data);
        // A run in bfloat16 makes new parameters; those of the other runs are the same objects.
        if (options.Precision == TrainingPrecision.Full) Seen(student).Should().BeEquivalentTo(before, rules => rules.WithStrictOrdering());
        else student.modules().OfType<Conv2d>().Should().OnlyContain(convolution => convolution.weight.is_contiguous());
        Seen(_teacher).Should().BeEquivalentTo(teacher, rules => rules.WithStrictOrdering());
        return TrainingWorld.State(student);
    }

    private static List<(string Name, IntPtr Handle, long[] Strides)> Seen(nn.Module model) =>
        [.. model.named_parameters().Select(pair => (pair.name, pair.parameter.Handle, pair.parameter.stride()))];
}

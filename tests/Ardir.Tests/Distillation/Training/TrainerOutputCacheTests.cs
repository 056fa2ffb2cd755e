using Ardir.Attacks;
using Ardir.Core;
using Ardir.Distillation;
using Microsoft.Extensions.Logging;

namespace Ardir.Tests;

/// <summary>A run that keeps its teachers' answers trains the same weights, up to rounding, with one pass of a teacher for all epochs.</summary>
public sealed class TrainerOutputCacheTests : IDisposable
{
    private const int Images = 20;
    private const long Enough = 1 << 20;

    private readonly TemporaryFolder _folder = new();
    private readonly ImageDataset _data = TrainingWorld.Data(Images);
    private readonly PreActResNet _teacher = TrainingWorld.Network(9);
    private long _asked;

    public TrainerOutputCacheTests() => _teacher.register_forward_hook((_, images, _) =>
    {
        _asked += images.shape[0];
        return null!;
    });

    public void Dispose()
    {
        _teacher.Dispose();
        _data.Dispose();
        _folder.Dispose();
    }

    public static TheoryData<string, int, int> Losses => new()
    {
        { "ardir", 1, Images }, { "ardir", 2, Images },
        // The attack asks for the teacher's clean output as well.
        { "rslad", 1, Images }, { "rslad", 3, Images },
        // The teacher sees adversarial images, too, which differ at every step.
        { "iad", 1, Images + 2 * Images },
    };

    [Theory, MemberData(nameof(Losses))]
    public void Fit_KeepingOutputs_TrainsTheSameWeights(string loss, int accumulation, int asked)
    {
        var options = Options with { AccumulationSteps = accumulation };
        var plain = Train(loss, options, ScalarType.Float64);
        _asked = 0;
        var kept = Train(loss, options with { OutputCacheBytes = Enough }, ScalarType.Float64);
        _asked.Should().Be(asked);
        TrainingWorld.CloseState(kept, plain);
    }

    [Fact]
    public void Fit_Resumed_EndsBitEqualToTheUninterruptedRun()
    {
        var options = Options with { OutputCacheBytes = Enough };
        var straight = Train("ardir", options, ScalarType.Float32);
        Train("ardir", options with { CheckpointDirectory = _folder.Path, Epochs = 1 }, ScalarType.Float32);
        TrainingWorld.SameState(Train("ardir", options with { CheckpointDirectory = _folder.Path }, ScalarType.Float32), straight);
        _asked = 0;
        Train("ardir", options with { CheckpointDirectory = _folder.Path }, ScalarType.Float32);
        _asked.Should().Be(0, "the run is over");
    }

    [Fact]
    public void Fit_BudgetTooSmall_SaysWhatItTakes_AndTrainsAsWithout()
    {
        var logger = new ListLogger();
        var plain = Train("ardir", Options, ScalarType.Float32);
        TrainingWorld.SameState(Train("ardir", Options with { OutputCacheBytes = 1000, Logger = logger }, ScalarType.Float32), plain);
        var bytes = Images * 4 * (3 + 4 * 8 * 8 + 8 * 4 * 4);
        logger.Entries.Should().ContainSingle(entry => entry.Level == LogLevel.Warning && entry.Message.Contains($"the teacher answers on {Images} training images takes {bytes} bytes"));
    }

    [Fact]
    public void Fit_NetworkThatTheLossChanges_IsAskedAtEveryStep()
    {
        using var student = TrainingWorld.Network();
        foreach (var parameter in _teacher.parameters()) parameter.requires_grad = false;
        using var trainer = new DistillationTrainer(student, _teacher, new OfItsOwn(_teacher), Options with { OutputCacheBytes = Enough });
        trainer.Fit(_data);
        _asked.Should().Be(2 * Images);
    }

    [Fact]
    public void Fit_Whole_LeavesNoTensorBehind()
    {
        using var student = TrainingWorld.Student();
        LeakAssert.None(() =>
        {
            using var trainer = new DistillationTrainer(student, _teacher, TrainingWorld.Ardir(), Options with { OutputCacheBytes = Enough });
            trainer.Fit(_data);
        }, runs: 2);
    }

    [Fact]
    public void Options_ThatCannotBe_AreRefused()
    {
        FluentActions.Invoking(() => Train("ardir", Options with { OutputCacheBytes = -1 }, ScalarType.Float32))
            .Should().Throw<ArgumentOutOfRangeException>().WithMessage("*OutputCacheBytes must be 0*");
        FluentActions.Invoking(() => Train("ardir", Options with { OutputCacheBytes = 1, Augmentation = new() { Padding = 1 } }, ScalarType.Float32))
            .Should().Throw<ArgumentException>().WithMessage("*Augmentation shows them other images*");
    }

    private static TrainerOptions Options => TrainingWorld.Options(epochs: 2) with { BatchSize = 8 };

    private static IDistillationLoss Loss(string name) => name switch
    {
        "ardir" => TrainingWorld.Ardir(), "rslad" => new RsladLoss(), _ => new IadLoss(new() { Begin = 1 }),
    };

    private Dictionary<string, double[]> Train(string loss, TrainerOptions options, ScalarType dtype)
    {
        using var student = TrainingWorld.Student();
        student.to(dtype);
        _teacher.to(dtype);
        if (loss == "rslad") options = options with { Crafting = new PrescribedCrafting(ThreatModel.Linf(TrainingWorld.Epsilon)) { Steps = 2 } };
        using var trainer = new DistillationTrainer(student, _teacher, Loss(loss), options);
        trainer.Fit(_data);
        return TrainingWorld.State(student);
    }

    /// <summary>A loss whose own network is the teacher, as that of a loss which keeps an average of the student.</summary>
    private sealed class OfItsOwn(PreActResNet network) : IDistillationLoss
    {
        public string Name => "own network";

        public DistillationNeeds Needs { get; } = new() { Passes = [NetworkPass.StudentClean, NetworkPass.TeacherClean] };

        public nn.Module Trainable => network;

        public LossTerms Compute(DistillationInputs inputs) => new((inputs.StudentClean!.Output - inputs.TeacherClean!.Output).square().mean());

        public override string ToString() => Name;
    }
}

using Ardir.Core;
using Ardir.Distillation;

namespace Ardir.Tests;

/// <summary>Runs of several ranks, each a thread with networks and data of its own, in float64.</summary>
internal static class DistributedWorld
{
    public const double Tolerance = 1e-9;

    /// <summary>Steps of eight and seven images: three ranks divide neither of them, and two ranks only one.</summary>
    public static TrainerOptions Options { get; } = new()
    {
        Epochs = 2, BatchSize = 8, LearningRate = 0.02, Milestones = [], Seed = 5,
        Crafting = new PrescribedCrafting(ThreatModel.Linf(TrainingWorld.Epsilon)) { Steps = 2 },
    };

    /// <summary>What one rank ended with.</summary>
    internal sealed record Ended(TrainingResult Result, Dictionary<string, double[]> Student, Dictionary<string, double[]> Loss);

    /// <summary>What a rank is given; by default everything equal.</summary>
    internal sealed record Given
    {
        public string Loss { get; init; } = "TRADES";

        public Func<nn.Module<Tensor, Tensor>, nn.Module<Tensor, Tensor>, IDistillationLoss>? OwnLoss { get; init; }

        public TrainerOptions Options { get; init; } = DistributedWorld.Options;

        public ulong StudentSeed { get; init; } = 1;

        public ulong TeacherSeed { get; init; } = 8;

        public int Images { get; init; } = 15;

        public int DataSeed { get; init; } = 1;

        public bool Validates { get; init; }

        public bool FreezesBatchNorm { get; init; }

        public ScalarType DType { get; init; } = ScalarType.Float64;

        public IProgress<TrainingProgress>? Progress { get; init; }

        public CancellationToken Cancellation { get; init; }

        public Action<DistillationTrainer, nn.Module<Tensor, Tensor>>? Afterwards { get; init; }
    }

    /// <summary>One run by some number of ranks.</summary>
    public static Ended[] Train(int size, Func<ThreadCollective, Given> given) => ThreadCollective.Run(size, ranks => Train(ranks, given(ranks)));

    public static Ended[] Train(int size, Given given) => Train(size, _ => given);

    public static Ended Alone(Given given) => Train(SoloCollective.Instance, given);

    /// <summary>The part of one rank.</summary>
    public static Ended Train(ICollective ranks, Given given)
    {
        using var student = TrainingWorld.Network(given.StudentSeed);
        var adapted = given.Loss.EndsWith("adapted", StringComparison.Ordinal) || given.Loss == "Sum";
        using var teacher = adapted
            ? PreActResNet.Create(new() { InputChannels = 1, Classes = 3, Widths = [6, 5], BlocksPerStage = 1, Seed = given.TeacherSeed })
            : TrainingWorld.Network(given.TeacherSeed);
        using var standard = TrainingWorld.Network(9);
        var loss = given.OwnLoss?.Invoke(student, teacher) ?? TrainerObjectiveTests.Loss(given.Loss, student, teacher);
        foreach (var network in new nn.Module?[] { student, teacher, standard, loss.Trainable }) network?.to(given.DType);
        if (given.FreezesBatchNorm) Freeze(student);
        using var data = TrainingWorld.Data(given.Images, given.DataSeed);
        using var validation = given.Validates ? TrainingWorld.Data(11, seed: 4) : null;
        using var trainer = new DistillationTrainer(student, teacher, loss, given.Options with { Collective = ranks }, standard);
        var result = trainer.Fit(data, validation, given.Progress, given.Cancellation);
        using var scope = NewDisposeScope();   // reading values makes tensors on the way
        var ended = new Ended(result, TrainingWorld.State(student), loss.Trainable is { } trainable ? TrainingWorld.State(trainable) : []);
        given.Afterwards?.Invoke(trainer, student);
        loss.Trainable?.Dispose();
        return ended;
    }

    /// <summary>Equal at all ranks bit for bit, and to the run of one process within rounding.</summary>
    public static void Same(Ended[] ranks, Ended expected, string what)
    {
        foreach (var rank in ranks)
        {
            TrainingWorld.SameState(rank.Student, ranks[0].Student);
            TrainingWorld.SameState(rank.Loss, ranks[0].Loss);
            Close(rank.Student, expected.Student, what);
            Close(rank.Loss, expected.Loss, what);
            Close(rank.Result.Epochs, expected.Result.Epochs, what);
            rank.Result.Best.Epoch.Should().Be(expected.Result.Best.Epoch, what);
        }
    }

    public static void Close(Dictionary<string, double[]> actual, Dictionary<string, double[]> expected, string what)
    {
        actual.Keys.Should().Equal(expected.Keys);
        foreach (var (name, values) in expected)
            for (var i = 0; i < values.Length; i++)
                if (!(Math.Abs(actual[name][i] - values[i]) <= Tolerance)) Assert.Fail($"{what}: '{name}' {i} is {actual[name][i]:R}, expected {values[i]:R}.");
    }

    private static void Close(IReadOnlyList<EpochMetrics> actual, IReadOnlyList<EpochMetrics> expected, string what)
    {
        actual.Should().HaveCount(expected.Count, what);
        foreach (var (a, e) in actual.Zip(expected))
        {
            a.TrainLoss.Should().BeApproximately(e.TrainLoss, Tolerance, what);
            a.Terms.Keys.Should().BeEquivalentTo(e.Terms.Keys, what);
            foreach (var (name, value) in e.Terms) a.Terms[name].Should().BeApproximately(value, Tolerance, $"{what} {name}");
            (a with { Elapsed = default, TrainLoss = e.TrainLoss, Terms = e.Terms }).Should().Be(e with { Elapsed = default }, what);
        }
    }

    private static void Freeze(nn.Module network)
    {
        network.train();
        foreach (var layer in network.modules().OfType<TorchSharp.Modules.BatchNorm>()) layer.eval();
    }
}

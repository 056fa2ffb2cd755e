using Ardir.Core;
using Ardir.Distillation;

namespace Ardir.Tests;

public sealed class TrainerResumeTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("ardir-trainer-").FullName;

    [Theory]
    [InlineData(TrainingPhase.EpochEnd, 1)]
    [InlineData(TrainingPhase.Train, 2)]
    public void Fit_InterruptedAndResumed_IsBitEqualToUninterrupted(TrainingPhase phase, int epoch)
    {
        using var train = TrainerFixture.Data(70, 1);
        using var validation = TrainerFixture.Data(30, 2);
        using var teacher = TrainerFixture.Network(9);
        var (whole, wholeState) = Fit(null, teacher, train, validation, null);

        using var stop = new CancellationTokenSource();
        var interrupted = () => Fit(_folder, teacher, train, validation, new ListProgress<TrainingProgress>(report =>
        {
            if (report.Phase == phase && report.Epoch == epoch) stop.Cancel();
        }), stop.Token);
        interrupted.Should().Throw<OperationCanceledException>();
        var (resumed, resumedState) = Fit(_folder, teacher, train, validation, null);

        TrainerFixture.SameState(resumedState, wholeState);
        resumed.Epochs.Count.Should().Be(4);
        for (var i = 0; i < 4; i++)
        {
            var (a, b) = (resumed.Epochs[i], whole.Epochs[i]);
            (a.TrainLoss, a.TrainAccuracy, a.CleanAccuracy, a.RobustAccuracy, a.LearningRate).Should().Be((b.TrainLoss, b.TrainAccuracy, b.CleanAccuracy, b.RobustAccuracy, b.LearningRate));
            a.Terms.Should().BeEquivalentTo(b.Terms, options => options.WithStrictOrdering());
        }
        resumed.Best.Epoch.Should().Be(whole.Best.Epoch);
    }

    [Fact]
    public void Fit_FinishedRun_ComesBackAtOnceWithItsWeights()
    {
        using var train = TrainerFixture.Data(70, 1);
        using var validation = TrainerFixture.Data(30, 2);
        using var teacher = TrainerFixture.Network(9);
        var (first, state) = Fit(_folder, teacher, train, validation, null);
        var progress = new ListProgress<TrainingProgress>();
        var (second, again) = Fit(_folder, teacher, train, validation, progress);
        progress.Reports.Should().BeEmpty();
        second.Last.TrainLoss.Should().Be(first.Last.TrainLoss);
        TrainerFixture.SameState(again, state);
    }

    [Fact]
    public void Fit_DirectoryOfAnotherRun_IsRefusedAndNamesTheDifferences()
    {
        using var train = TrainerFixture.Data(70, 1);
        using var other = TrainerFixture.Data(70, 3);
        using var validation = TrainerFixture.Data(30, 2);
        using var teacher = TrainerFixture.Network(9);
        Fit(_folder, teacher, train, validation, null);
        var before = File.ReadAllBytes(Path.Combine(_folder, "last.safetensors"));

        using var student = TrainerFixture.Network(5);
        using var trainer = new DistillationTrainer(student, teacher, TrainerFixture.Loss(), TrainerFixture.Options(_folder) with { Seed = 8, LearningRate = 0.05 });
        var fit = () => trainer.Fit(other, validation);
        var message = fit.Should().Throw<InvalidOperationException>().Which.Message;
        message.Should().Contain("seed: was '7', is '8'").And.Contain("learning rate: was '0.1', is '0.05'").And.Contain("training set").And.NotContain("validation set");
        File.ReadAllBytes(Path.Combine(_folder, "last.safetensors")).Should().Equal(before);
    }

    [Theory]
    [InlineData(0.5)]
    [InlineData(0.999)]
    public void Fit_DamagedCheckpoint_IsNamedAndLeftAlone(double kept)
    {
        using var train = TrainerFixture.Data(40, 1);
        using var validation = TrainerFixture.Data(30, 2);
        using var teacher = TrainerFixture.Network(9);
        Fit(_folder, teacher, train, validation, null);
        var path = Path.Combine(_folder, "last.safetensors");
        var damaged = File.ReadAllBytes(path)[..(int)(new FileInfo(path).Length * kept)];
        File.WriteAllBytes(path, damaged);
        var fit = () => Fit(_folder, teacher, train, validation, null);
        fit.Should().Throw<WeightFormatException>().WithMessage($"*{path}*");
        File.ReadAllBytes(path).Should().Equal(damaged);
    }

    [Fact]
    public void Fit_LeavesTheCallersGlobalGeneratorAsItWas()
    {
        using var train = TrainerFixture.Data(40, 1);
        using var validation = TrainerFixture.Data(10, 2);
        using var teacher = TrainerFixture.Network(9);
        using var student = TrainerFixture.Network(5);
        using var trainer = new DistillationTrainer(student, teacher, TrainerFixture.Loss(), TrainerFixture.Options());
        using var before = torch.random.get_rng_state();
        trainer.Fit(train, validation);
        using var after = torch.random.get_rng_state();
        after.data<byte>().ToArray().Should().Equal(before.data<byte>().ToArray());
    }

    [Fact]
    public void RestoreBest_WithAndWithoutDirectory_GivesTheSameWeights()
    {
        using var train = TrainerFixture.Data(70, 1);
        using var validation = TrainerFixture.Data(30, 2);
        using var teacher = TrainerFixture.Network(9);
        var states = new List<Dictionary<string, double[]>>();
        foreach (var folder in new[] { null, _folder })
        {
            using var student = TrainerFixture.Network(5);
            using var trainer = new DistillationTrainer(student, teacher, TrainerFixture.Loss(), TrainerFixture.Options(folder));
            trainer.Fit(train, validation);
            trainer.RestoreBest();
            states.Add(TrainerFixture.State(student));
        }
        TrainerFixture.SameState(states[1], states[0]);
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private static (TrainingResult Result, Dictionary<string, double[]> State) Fit(
        string? folder, nn.Module<Tensor, Tensor> teacher, ImageDataset train, ImageDataset validation, IProgress<TrainingProgress>? progress, CancellationToken cancellation = default)
    {
        using var student = TrainerFixture.Network(5);
        using var trainer = new DistillationTrainer(student, teacher, TrainerFixture.Loss(), TrainerFixture.Options(folder));
        var result = trainer.Fit(train, validation, progress, cancellation);
        return (result, TrainerFixture.State(student));
    }
}

using Ardir.Core;
using Ardir.Distillation;

namespace Ardir.Tests;

/// <summary>Runs that are interrupted must end as if they had not been, bit for bit.</summary>
public sealed class TrainerResumedTests
{
    private const int Epochs = 4;

    [Theory]
    [InlineData(TrainingPhase.EpochEnd, 1, 1)]
    [InlineData(TrainingPhase.EpochEnd, 0, 1)]
    [InlineData(TrainingPhase.EpochEnd, 2, 1)]
    [InlineData(TrainingPhase.Train, 2, 2)]
    [InlineData(TrainingPhase.Train, 0, 3)]
    [InlineData(TrainingPhase.Evaluate, 1, 1)]
    public void Fit_CancelledAndResumedWithNewModels_EndsBitEqual(TrainingPhase phase, int epoch, int step)
    {
        using var data = TrainingWorld.Data();
        using var validation = TrainingWorld.Data(20, seed: 2);
        using var folder = new TemporaryFolder();
        var expected = Uninterrupted.Value;

        using var source = new CancellationTokenSource();
        var progress = new ListProgress<TrainingProgress>(report =>
        {
            if (report.Phase == phase && report.Epoch == epoch && report.Step == step) source.Cancel();
        });
        using (var first = new Setup(folder.File("run"), studentSeed: 1))
            first.Trainer.Invoking(t => t.Fit(data, validation, progress, source.Token)).Should().Throw<OperationCanceledException>();

        var logger = new ListLogger();
        using var second = new Setup(folder.File("run"), studentSeed: 1, logger);
        var result = second.Trainer.Fit(data, validation);

        var resumedAt = phase == TrainingPhase.EpochEnd ? epoch + 1 : epoch;
        if (resumedAt > 0) logger.Entries[2].Message.Should().Contain($"Resuming with epoch {resumedAt}");
        TrainingWorld.SameMetrics(result.Epochs, expected.Result.Epochs);
        result.Best.Epoch.Should().Be(expected.Result.Best.Epoch);
        TrainingWorld.SameState(TrainingWorld.State(second.Student), expected.Last);
        // The files hold the optimiser's state, too.
        foreach (var name in new[] { "last.safetensors", "best.safetensors" }) SameTensors(folder.File($"run/{name}"), expected.Files[name]);
        second.Trainer.RestoreBest();
        TrainingWorld.SameState(TrainingWorld.State(second.Student), expected.Best);
    }

    [Fact]
    public void Fit_ResumedStudent_NeedNotHaveTheSameInitialWeights()
    {
        using var data = TrainingWorld.Data();
        using var validation = TrainingWorld.Data(20, seed: 2);
        using var folder = new TemporaryFolder();
        using (var first = new Setup(folder.File("run"), studentSeed: 1, epochs: 2)) first.Trainer.Fit(data, validation);
        using var second = new Setup(folder.File("run"), studentSeed: 99);
        TrainingWorld.SameMetrics(second.Trainer.Fit(data, validation).Epochs, Uninterrupted.Value.Result.Epochs);
        TrainingWorld.SameState(TrainingWorld.State(second.Student), Uninterrupted.Value.Last);
    }

    [Fact]
    public void Fit_FinishedRun_ComesBackAtOnce()
    {
        using var data = TrainingWorld.Data();
        using var validation = TrainingWorld.Data(20, seed: 2);
        using var folder = new TemporaryFolder();
        using (var first = new Setup(folder.File("run"), studentSeed: 1)) first.Trainer.Fit(data, validation);
        var before = File.ReadAllBytes(folder.File("run/last.safetensors"));

        using var second = new Setup(folder.File("run"), studentSeed: 2);
        var progress = new ListProgress<TrainingProgress>();
        var result = second.Trainer.Fit(data, validation, progress);

        progress.Reports.Should().ContainSingle("no step is taken").Which.Phase.Should().Be(TrainingPhase.Resume);
        TrainingWorld.SameMetrics(result.Epochs, Uninterrupted.Value.Result.Epochs);
        TrainingWorld.SameState(TrainingWorld.State(second.Student), Uninterrupted.Value.Last);
        File.ReadAllBytes(folder.File("run/last.safetensors")).Should().Equal(before);
    }

    [Fact]
    public void Fit_KilledBetweenBestAndLast_EndsBitEqual()
    {
        // The best is written before the last; a process killed between the two leaves the best one epoch ahead.
        using var data = TrainingWorld.Data();
        using var validation = TrainingWorld.Data(20, seed: 2);
        using var folder = new TemporaryFolder();
        byte[]? last = null;
        using var source = new CancellationTokenSource();
        var progress = new ListProgress<TrainingProgress>(report =>
        {
            if (report.Phase != TrainingPhase.EpochEnd) return;
            if (report.Epoch == 0) last = File.ReadAllBytes(folder.File("run/last.safetensors"));
            if (report.Epoch == 1) source.Cancel();
        });
        using (var first = new Setup(folder.File("run"), studentSeed: 1))
            first.Trainer.Invoking(t => t.Fit(data, validation, progress, source.Token)).Should().Throw<OperationCanceledException>();
        File.WriteAllBytes(folder.File("run/last.safetensors"), last!);
        using var second = new Setup(folder.File("run"), studentSeed: 1);
        second.Trainer.Fit(data, validation);
        foreach (var (name, expected) in Uninterrupted.Value.Files) SameTensors(folder.File($"run/{name}"), expected);
    }

    [Fact]
    public void Fit_AlreadyCancelled_TrainsNothing()
    {
        using var data = TrainingWorld.Data();
        using var folder = new TemporaryFolder();
        using var setup = new Setup(folder.File("run"), studentSeed: 1);
        var before = TrainingWorld.State(setup.Student);
        setup.Trainer.Invoking(t => t.Fit(data, data, null, new CancellationToken(canceled: true))).Should().Throw<OperationCanceledException>();
        TrainingWorld.SameState(TrainingWorld.State(setup.Student), before);
        folder.Names.Should().BeEmpty();
    }

    /// <summary>The run that every interrupted one is compared with: no checkpoint directory for the weights, one for the files.</summary>
    private static Lazy<Reference> Uninterrupted { get; } = new(() =>
    {
        using var data = TrainingWorld.Data();
        using var validation = TrainingWorld.Data(20, seed: 2);
        using var folder = new TemporaryFolder();
        using (var other = new Setup(folder.File("run"), studentSeed: 1)) other.Trainer.Fit(data, validation);
        var files = new[] { "last.safetensors", "best.safetensors" }.ToDictionary(name => name, name => Tensors(folder.File($"run/{name}")));
        using var setup = new Setup(null, studentSeed: 1);
        var result = setup.Trainer.Fit(data, validation);
        var last = TrainingWorld.State(setup.Student);
        setup.Trainer.RestoreBest();
        return new Reference(result, last, TrainingWorld.State(setup.Student), files);
    });

    private static Dictionary<string, double[]> Tensors(string path)
    {
        var tensors = SafetensorsFile.Read(path).Tensors;
        var values = tensors.ToDictionary(pair => pair.Key, pair => TensorAssert.Values(pair.Value));
        foreach (var tensor in tensors.Values) tensor.Dispose();
        return values;
    }

    private static void SameTensors(string path, Dictionary<string, double[]> expected)
    {
        expected.Keys.Should().Contain("student.net.layer2.0.bn1.running_var");
        TrainingWorld.SameState(Tensors(path), expected);
        if (path.EndsWith("last.safetensors", StringComparison.Ordinal)) expected.Keys.Should().Contain("optimizer.net.linear.bias");
    }

    private sealed record Reference(
        TrainingResult Result, Dictionary<string, double[]> Last, Dictionary<string, double[]> Best, Dictionary<string, Dictionary<string, double[]>> Files);

    /// <summary>Everything new, as after a restart of the process: dropout, augmentation, an attack on student and teacher, momentum.</summary>
    private sealed class Setup : IDisposable
    {
        private readonly PreActResNet _teacher = TrainingWorld.Network(8);

        public Setup(string? folder, ulong studentSeed, ListLogger? logger = null, int epochs = Epochs)
        {
            Student = TrainingWorld.Student(studentSeed);
            var loss = new ArdirLoss(new() { Beta = 0.4, TeacherData = TeacherData.RobustAdversarial, Features = new() { Layers = ["net.layer*"], TeacherLayers = ["layer*"] } });
            Trainer = new DistillationTrainer(Student, _teacher, loss, TrainingWorld.Options(epochs) with
            {
                SelectionAttack = TrainingWorld.Pgd(3), Augmentation = new() { Padding = 2 }, CheckpointDirectory = folder, Logger = logger ?? new ListLogger(),
                Milestones = [2], WarmupEpochs = 1, EvaluationBatchSize = 8,
            });
        }

        public TorchSharp.Modules.Sequential Student { get; }

        public DistillationTrainer Trainer { get; }

        public void Dispose()
        {
            Trainer.Dispose();
            Student.Dispose();
            _teacher.Dispose();
        }
    }
}

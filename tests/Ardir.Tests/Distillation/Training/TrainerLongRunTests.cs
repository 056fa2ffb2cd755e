using Ardir.Core;
using Ardir.Distillation;

namespace Ardir.Tests;

/// <summary>Checkpoints within epochs, losses that are no number, disks that are full.</summary>
public sealed class TrainerLongRunTests
{
    [Fact]
    public void CheckpointInterval_StoppedAtEveryStep_EndsBitEqual()
    {
        using var data = TrainingWorld.Data();
        using var folder = new TemporaryFolder();
        var options = TrainingWorld.Options(2) with { CheckpointDirectory = folder.Path, CheckpointInterval = TimeSpan.FromTicks(1) };
        var (expected, state) = Run(options with { CheckpointDirectory = null, CheckpointInterval = null }, data);
        var starts = new List<int>();
        TrainingResult? result = null;
        Dictionary<string, double[]>? last = null;
        for (var attempt = 0; result is null && attempt < 50; attempt++)
        {
            using var source = new CancellationTokenSource();
            var reports = 0;
            var progress = new ListProgress<TrainingProgress>(report =>
            {
                if (report.Phase != TrainingPhase.Train) return;
                if (reports++ == 0) starts.Add(report.Epoch * TrainingWorld.StepsPerEpoch + report.Step);
                if (reports == 2) source.Cancel();
            });
            try
            {
                (result, last) = Run(options, data, progress, source.Token);
            }
            catch (OperationCanceledException)
            {
            }
        }
        TrainingWorld.SameMetrics(result!.Epochs, expected.Epochs);
        TrainingWorld.SameState(last!, state);
        // Every process did two steps, saved after the first and went on with the second.
        starts.Should().BeInAscendingOrder().And.HaveCountGreaterThan(3);
        starts.Should().Contain(step => step % TrainingWorld.StepsPerEpoch != 1);
    }

    [Fact]
    public void NonFiniteLoss_Stop_SavesTheFirstBatchAtFault()
    {
        using var data = TrainingWorld.Data();
        using var student = TrainingWorld.Network();
        using var folder = new TemporaryFolder();
        var calls = 0;
        var loss = new OwnLoss(inputs => new LossTerms(inputs.StudentClean!.Output.square().mean() * (calls++ == 2 ? double.NaN : 1)));
        using var trainer = new DistillationTrainer(student, null, loss, TrainingWorld.Options(1) with { CheckpointDirectory = folder.Path });
        trainer.Invoking(t => t.Fit(data)).Should().Throw<InvalidOperationException>().WithMessage("*NaN*epoch 0*bad-batch.safetensors*");
        var (tensors, facts) = SafetensorsFile.Read(folder.File("bad-batch.safetensors"));
        facts["step"].Should().Be("2");
        var batch = new ImageBatches(data, new ImageBatchOptions { BatchSize = TrainingWorld.BatchSize, Seed = 5 }).Epoch(0).Skip(2).First().Indices;
        TensorAssert.Longs(tensors["indices"]).Should().Equal(batch);
        var (images, labels) = data.Batch([.. batch]);
        TensorAssert.Values(tensors["images"]).Should().Equal(TensorAssert.Values(images));
        TensorAssert.Longs(tensors["labels"]).Should().Equal(TensorAssert.Longs(labels));
        foreach (var tensor in tensors.Values) tensor.Dispose();
        images.Dispose();
        labels.Dispose();
    }

    [Theory]
    [InlineData(double.NaN)]
    [InlineData(double.PositiveInfinity)]
    public void NonFiniteLoss_Skip_LeavesTheStepOutAsIfItHadNotBeen(double bad)
    {
        using var data = TrainingWorld.Data(48);
        Dictionary<string, double[]> Run(bool broken, out EpochMetrics epoch)
        {
            using var student = TrainingWorld.Network();
            var (calls, logger) = (0, new ListLogger());
            // The second of three steps: NaN, or in the run that it is compared with no change at all.
            var loss = new OwnLoss(inputs =>
            {
                calls++;
                return new LossTerms(inputs.StudentClean!.Output.square().mean() * (calls == 2 && broken ? bad : 1));
            });
            using var trainer = new DistillationTrainer(student, null, loss, TrainingWorld.Options(1) with { NonFiniteLoss = NonFiniteLoss.Skip, Logger = logger });
            epoch = trainer.Fit(data).Last;
            logger.Entries.Count(entry => entry.Message.Contains("left out", StringComparison.Ordinal)).Should().Be(broken ? 1 : 0);
            return TrainingWorld.State(student);
        }
        var skipped = Run(broken: true, out var metrics);
        metrics.SkippedSteps.Should().Be(1);
        double.IsFinite(metrics.TrainLoss).Should().BeTrue();
        skipped["bn.num_batches_tracked"].Should().Equal(2);
        skipped.Values.SelectMany(values => values).Should().OnlyContain(value => double.IsFinite(value));
        TrainingWorld.SameState(skipped, ByHand(data, leaveOut: 1));
        var complete = Run(broken: false, out var whole);
        whole.SkippedSteps.Should().Be(0);
        complete["bn.num_batches_tracked"].Should().Equal(3);
        TrainingWorld.SameState(complete, ByHand(data, leaveOut: null));
    }

    // The first epoch in a plain loop, as if one of its batches were not there.
    private static Dictionary<string, double[]> ByHand(ImageDataset data, int? leaveOut)
    {
        using var student = TrainingWorld.Network();
        var (options, step) = (TrainingWorld.Options(1), 0);
        student.train();
        using var optimizer = optim.SGD(student.parameters().ToArray(), options.LearningRate, 0.9, weight_decay: 5e-4);
        foreach (var batch in new ImageBatches(data, new ImageBatchOptions { BatchSize = options.BatchSize, Seed = options.Seed }).Epoch(0))
        {
            using var scope = NewDisposeScope();
            if (step++ == leaveOut) continue;
            student.zero_grad(set_to_none: true);
            student.call(batch.Images).square().mean().backward();
            optimizer.step();
        }
        return TrainingWorld.State(student);
    }

    [Fact]
    public void NonFiniteLoss_SkipWithoutEnd_Stops()
    {
        using var data = TrainingWorld.Data(48);
        using var student = TrainingWorld.Network();
        var before = TrainingWorld.State(student);
        var loss = new OwnLoss(inputs => new LossTerms(inputs.StudentClean!.Output.square().mean() * double.NaN));
        using var trainer = new DistillationTrainer(student, null, loss, TrainingWorld.Options(1) with { BatchSize = 2, NonFiniteLoss = NonFiniteLoss.Skip });
        trainer.Invoking(t => t.Fit(data)).Should().Throw<InvalidOperationException>();
        TrainingWorld.SameState(TrainingWorld.State(student), before);
    }

    [Theory]
    [InlineData(9, false)]
    [InlineData(10, true)]
    public void NonFiniteLoss_SkipTenInARow_IsTheEnd(int bad, bool ends)
    {
        using var data = TrainingWorld.Data(32);
        using var student = TrainingWorld.Network();
        var calls = 0;
        // One good step, then bad ones, then good ones again: sixteen in all, and the same once more.
        var loss = new OwnLoss(inputs => new LossTerms(inputs.StudentClean!.Output.square().mean() * (calls++ % 16 >= 1 && (calls - 1) % 16 <= bad ? double.NaN : 1)));
        using var trainer = new DistillationTrainer(student, null, loss, TrainingWorld.Options(2) with { BatchSize = 2, NonFiniteLoss = NonFiniteLoss.Skip });
        if (ends) trainer.Invoking(t => t.Fit(data)).Should().Throw<InvalidOperationException>().WithMessage("*NaN*epoch 0*");
        else trainer.Fit(data).Epochs.Select(epoch => epoch.SkippedSteps).Should().Equal(9, 9);
        calls.Should().Be(ends ? 11 : 32);
    }

    [Theory]
    [InlineData(false, 3, false)]
    [InlineData(false, 4, true)]
    [InlineData(true, 3, false)]
    [InlineData(true, 4, true)]
    public void NonFiniteLoss_SkipsAtTheEndOfAnEpochAndAtTheBeginningOfTheNext_AreOneRow(bool resumed, int badInTheSecond, bool ends)
    {
        using var data = TrainingWorld.Data(32);
        using var folder = new TemporaryFolder();
        using var student = TrainingWorld.Network();
        var calls = 0;
        // Sixteen steps in an epoch. The last six of the first are bad, and some at the beginning of the second.
        var loss = new OwnLoss(inputs => new LossTerms(
            inputs.StudentClean!.Output.square().mean() * (calls++ >= 10 && calls - 1 < 16 + badInTheSecond ? double.NaN : 1)));
        var options = TrainingWorld.Options(2) with
        {
            BatchSize = 2, NonFiniteLoss = NonFiniteLoss.Skip, CheckpointDirectory = resumed ? folder.Path : null,
        };
        if (resumed)
        {
            using var first = new DistillationTrainer(student, null, loss, options with { Epochs = 1 });
            first.Fit(data).Last.SkippedSteps.Should().Be(6);
        }
        using var trainer = new DistillationTrainer(student, null, loss, options);
        if (ends) trainer.Invoking(t => t.Fit(data)).Should().Throw<InvalidOperationException>().WithMessage("*NaN*epoch 1*");
        else trainer.Fit(data).Epochs.Select(epoch => epoch.SkippedSteps).Should().Equal(6, badInTheSecond);
        calls.Should().Be(ends ? 20 : 32);
    }

    [Fact]
    public void Progress_OfARunResumedWithinAnEpoch_CountsOnlyWhatThisProcessDid()
    {
        var progress = new ListProgress<TrainingProgress>();
        var reporter = new ProgressReporter(4, progress);
        reporter.Begin(1.5, []);
        reporter.Step(new TrainingMoment(1, 4, 3, 4), loss: null);
        reporter.Step(new TrainingMoment(1, 4, 2, 4), loss: null);
        reporter.Evaluation(1, 1, 1);
        // A quarter of an epoch is done, 2.25 epochs are left; nothing is done; half of an epoch is done, two are left.
        progress.Reports[0].Remaining.Should().Be(progress.Reports[0].Elapsed * 9);
        progress.Reports[1].Remaining.Should().BeNull();
        progress.Reports[2].Remaining.Should().Be(progress.Reports[2].Elapsed * 4);

        using var data = TrainingWorld.Data();
        using var folder = new TemporaryFolder();
        var options = TrainingWorld.Options(2) with { CheckpointDirectory = folder.Path, CheckpointInterval = TimeSpan.FromTicks(1) };
        using var source = new CancellationTokenSource();
        var stop = new ListProgress<TrainingProgress>(report =>
        {
            if (report.Step == 3) source.Cancel();
        });
        FluentActions.Invoking(() => Run(options, data, stop, source.Token)).Should().Throw<OperationCanceledException>();
        var resumed = new ListProgress<TrainingProgress>();
        Run(options, data, resumed);
        var report = resumed.Reports[0];
        (report.Phase, report.Epoch, report.Step).Should().Be((TrainingPhase.Train, 0, 4), "three of four steps were done before");
        report.Remaining.Should().Be(report.Elapsed * 4);
    }

    [Theory]
    [InlineData(NonFiniteLoss.Stop)]
    [InlineData(NonFiniteLoss.Skip)]
    public void Fit_StudentThatChangesItsInputInPlace_IsToldInTheFirstStep(NonFiniteLoss nonFinite)
    {
        using var data = TrainingWorld.Data();
        using var student = new InPlace();
        var before = TrainingWorld.State(student);
        var options = TrainingWorld.Options(1) with { NonFiniteLoss = nonFinite };
        using var trainer = new DistillationTrainer(student, null, new AdversarialTrainingLoss(), options);
        trainer.Invoking(t => t.Fit(data)).Should().Throw<InvalidOperationException>().WithMessage("*changes its input in place*");
        TrainingWorld.SameState(TrainingWorld.State(student), before);
    }

    [Fact]
    public void CheckpointInterval_WithoutFolder_IsRefused() =>
        FluentActions.Invoking(() => new TrainerOptions { CheckpointInterval = TimeSpan.FromMinutes(5) }.Validate()).Should().Throw<ArgumentException>().WithMessage("*CheckpointDirectory*");

    private static (TrainingResult Result, Dictionary<string, double[]> State) Run(TrainerOptions options, ImageDataset data, IProgress<TrainingProgress>? progress = null, CancellationToken token = default)
    {
        using var student = TrainingWorld.Student();
        using var teacher = TrainingWorld.Network(8);
        using var trainer = new DistillationTrainer(student, teacher, TrainingWorld.Ardir(), options);
        var result = trainer.Fit(data, data, progress, token);
        return (result, TrainingWorld.State(student));
    }

    private sealed class InPlace : nn.Module<Tensor, Tensor>
    {
        private readonly TorchSharp.Modules.Linear _linear = nn.Linear(64, 3);

        public InPlace() : base(nameof(InPlace)) => RegisterComponents();

        public override Tensor forward(Tensor input)
        {
            using (no_grad()) input.sub_(0.1);
            return _linear.call(input.flatten(1));
        }
    }

    private sealed class OwnLoss(Func<DistillationInputs, LossTerms> compute) : IDistillationLoss
    {
        public string Name => "own";

        public DistillationNeeds Needs { get; } = new() { Passes = [NetworkPass.StudentClean] };

        public LossTerms Compute(DistillationInputs inputs) => compute(inputs);

        public override string ToString() => Name;
    }
}

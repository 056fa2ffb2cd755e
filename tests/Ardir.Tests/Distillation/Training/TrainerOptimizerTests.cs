using Ardir.Core;
using Ardir.Distillation;
using TorchSharp.Modules;

namespace Ardir.Tests;

/// <summary>Every optimiser steps as a plain loop does, resumes with all of its state, and follows the schedule.</summary>
public sealed class TrainerOptimizerTests
{
    public static TheoryData<string, TrainingOptimizer> Optimizers => new()
    {
        { "SGD", new SgdOptimizer() },
        { "SGD without momentum", new SgdOptimizer { Momentum = 0, WeightDecay = 0 } },
        { "Nesterov", new SgdOptimizer { Nesterov = true } },
        { "Adam", new AdamOptimizer { WeightDecay = 1e-3 } },
        { "AMSGrad", new AdamOptimizer { AmsGrad = true } },
        { "AdamW", new AdamWOptimizer() },
        { "AdamW, AMSGrad", new AdamWOptimizer { AmsGrad = true } },
        { "own", TrainingOptimizer.Custom("RMSProp with momentum", (parameters, rate) => optim.RMSProp(parameters, rate, momentum: 0.5)) },
        { "own record", new Groups { Factor = 0.1 } },
    };

    public static TheoryData<string, TrainingOptimizer, Func<TrainerOptions, TrainerOptions>> Combinations
    {
        get
        {
            var data = new TheoryData<string, TrainingOptimizer, Func<TrainerOptions, TrainerOptions>>();
            foreach (var row in Optimizers) data.Add((string)row[0], (TrainingOptimizer)row[1], options => options);
            data.Add("AWP, average, accumulation, clipping", new AdamOptimizer(), options => options with
            {
                WeightPerturbation = new(), WeightAveraging = new ExponentialMovingAverage(), AccumulationSteps = 2, MaxGradientNorm = 0.5,
            });
            data.Add("bfloat16", new AdamWOptimizer(), options => options with { Precision = TrainingPrecision.BFloat16, WeightPerturbation = new() });
            data.Add("skipping", new AdamOptimizer(), options => options with { NonFiniteLoss = NonFiniteLoss.Skip });
            return data;
        }
    }

    [Theory, MemberData(nameof(Combinations))]
    public void Fit_StoppedWithinAnEpoch_ResumesBitEqual(string name, TrainingOptimizer optimizer, Func<TrainerOptions, TrainerOptions> change)
    {
        using var data = TrainingWorld.Data();
        using var folder = new TemporaryFolder();
        var options = change(TrainingWorld.Options(2) with { LearningRate = 0.01, Optimizer = optimizer, Schedule = new CosineSchedule() });
        var (expected, state) = Run(options, data);
        var kept = options with { CheckpointDirectory = folder.Path, CheckpointInterval = TimeSpan.FromTicks(1) };
        using (var source = new CancellationTokenSource())
        {
            var stop = new ListProgress<TrainingProgress>(report =>
            {
                if (report is { Phase: TrainingPhase.Train, Epoch: 1, Step: 3 }) source.Cancel();
            });
            FluentActions.Invoking(() => Run(kept, data, stop, source.Token)).Should().Throw<OperationCanceledException>(name);
        }
        var (resumed, last) = Run(kept, data);
        TrainingWorld.SameMetrics(resumed.Epochs, expected.Epochs);
        TrainingWorld.SameState(last, state);
    }

    [Fact]
    public void Fit_Float64Student_ResumesBitEqualWithAdam()
    {
        using var data = TrainingWorld.Data();
        using var folder = new TemporaryFolder();
        (TrainingResult, Dictionary<string, double[]>) Fit(int epochs, string? path)
        {
            using var student = TrainingWorld.Network();
            student.to(ScalarType.Float64);
            var options = TrainingWorld.Options(epochs) with { LearningRate = 0.01, Optimizer = new AdamOptimizer(), CheckpointDirectory = path };
            using var trainer = new DistillationTrainer(student, null, new StandardTrainingLoss(), options);
            return (trainer.Fit(data), TrainingWorld.State(student));
        }
        var (expected, state) = Fit(2, null);
        Fit(1, folder.Path);
        var (resumed, last) = Fit(2, folder.Path);
        TrainingWorld.SameMetrics(resumed.Epochs, expected.Epochs);
        TrainingWorld.SameState(last, state);
    }

    public static TheoryData<string, TrainingOptimizer, Func<IEnumerable<Parameter>, double, optim.Optimizer>> Plain => new()
    {
        { "SGD", new SgdOptimizer { Momentum = 0.8, WeightDecay = 0.02 }, (p, rate) => optim.SGD(p.ToArray(), rate, 0.8, weight_decay: 0.02) },
        { "Nesterov", new SgdOptimizer { Nesterov = true, WeightDecay = 0 }, (p, rate) => optim.SGD(p.ToArray(), rate, 0.9, nesterov: true) },
        { "Adam", new AdamOptimizer { WeightDecay = 0.02 }, (p, rate) => optim.Adam(p.ToArray(), rate, 0.9, 0.999, 1e-8, 0.02) },
        { "AMSGrad", new AdamOptimizer { Beta1 = 0.8, Beta2 = 0.95, Epsilon = 1e-6, AmsGrad = true }, (p, rate) => optim.Adam(p.ToArray(), rate, 0.8, 0.95, 1e-6, 0, amsgrad: true) },
        { "AdamW", new AdamWOptimizer(), (p, rate) => optim.AdamW(p.ToArray(), rate, 0.9, 0.999, 1e-8, 0.01) },
    };

    [Theory, MemberData(nameof(Plain))]
    public void Fit_WithASchedule_StepsAsAPlainLoop(string name, TrainingOptimizer optimizer, Func<IEnumerable<Parameter>, double, optim.Optimizer> create)
    {
        using var data = TrainingWorld.Data();
        using var trained = TrainingWorld.Network();
        var options = TrainingWorld.Options(2) with { LearningRate = 0.01, Optimizer = optimizer, Milestones = [1], LearningRateDecay = 0.5 };
        using (var trainer = new DistillationTrainer(trained, null, new StandardTrainingLoss(), options)) trainer.Fit(data);

        using var student = TrainingWorld.Network();
        student.train();
        using var plain = create(student.parameters(), 0.01);
        for (var epoch = 0; epoch < 2; epoch++)
        {
            foreach (var group in plain.ParamGroups) group.LearningRate = epoch == 0 ? 0.01 : 0.005;
            foreach (var batch in new ImageBatches(data, new() { BatchSize = options.BatchSize, Seed = options.Seed }).Epoch(epoch))
            {
                using var scope = NewDisposeScope();
                student.zero_grad(set_to_none: true);
                nn.functional.cross_entropy(student.call(batch.Images), batch.Labels).backward();
                plain.step();
            }
        }
        foreach (var (key, values) in TrainingWorld.State(student))
            TrainingWorld.State(trained)[key].Should().Equal(values, "of {0}: {1}", name, key);
    }

    [Fact]
    public void Fit_GroupsWithRatesOfTheirOwn_KeepTheirRatioInTheSchedule()
    {
        using var data = TrainingWorld.Data();
        // Half of twice the rate, also after the schedule lowered it, is the rate.
        Dictionary<string, double[]> After(double rate, double factor) => Run(
            TrainingWorld.Options(2) with { LearningRate = rate, Milestones = [1], Optimizer = new Groups { Factor = factor } }, data).State;
        TrainingWorld.SameState(After(0.2, 0.5), After(0.1, 1));
        After(0.2, 1)["linear.bias"].Should().NotEqual(After(0.1, 1)["linear.bias"]);
    }

    [Fact]
    public void Fit_Adam_ReadsNothingBetweenLoggingPointsAndLeavesNothing()
    {
        using var data = TrainingWorld.Data();
        var counts = new List<long>();
        LeakAssert.None(() =>
        {
            using var student = TrainingWorld.Network();
            counts.Clear();
            using var trainer = new DistillationTrainer(
                student, null, new AdversarialTrainingLoss(), TrainingWorld.Options(1) with { Optimizer = new AdamOptimizer { AmsGrad = true } });
            trainer.Fit(data, null, new ListProgress<TrainingProgress>(_ => counts.Add(HostRead.Count)));
        });
        (counts[1] - counts[0], counts[2] - counts[1]).Should().Be((0, 0));
    }

    [Fact]
    public void Fit_CheckpointOfAnotherOptimizer_IsRefused()
    {
        using var data = TrainingWorld.Data();
        using var folder = new TemporaryFolder();
        var options = TrainingWorld.Options(1) with { CheckpointDirectory = folder.Path, Optimizer = new AdamOptimizer() };
        Run(options, data);
        FluentActions.Invoking(() => Run(options with { Epochs = 2, Optimizer = new AdamOptimizer { Beta1 = 0.8 } }, data))
            .Should().Throw<InvalidOperationException>().WithMessage("*optimizer*Beta1 = 0.9*Beta1 = 0.8*");
        FluentActions.Invoking(() => Run(options with { Epochs = 2, Optimizer = TrainingOptimizer.Custom("mine", new AdamOptimizer().Create) }, data))
            .Should().Throw<InvalidOperationException>().WithMessage("*optimizer*mine*");
    }

    [Fact]
    public void Fit_OptimizersThatStateTheirIdentity_AreNotWarnedOf()
    {
        using var data = TrainingWorld.Data();
        foreach (var row in Optimizers)
        {
            using var folder = new TemporaryFolder();
            var logger = new ListLogger();
            Run(TrainingWorld.Options(1) with { Optimizer = (TrainingOptimizer)row[1], LearningRate = 0.01, CheckpointDirectory = folder.Path, Logger = logger }, data);
            logger.Entries.Should().NotContain(entry => entry.Level == Microsoft.Extensions.Logging.LogLevel.Warning, "of {0}", row[0]);
        }
    }

    [Theory]
    [InlineData(0, "*lacks the optimiser state of 'linear.bias'*")]
    [InlineData(1, "*optimiser state of 'linear.bias' is damaged*")]
    [InlineData(2, "*optimiser state of 'linear.bias' is damaged*1 bytes are left over*")]
    [InlineData(3, "*optimiser state of 'linear.bios'*")]
    public void Fit_DamagedStateOfAdam_IsRefusedAndChangesNothing(int how, string says)
    {
        using var data = TrainingWorld.Data();
        using var folder = new TemporaryFolder();
        var options = TrainingWorld.Options(1) with { CheckpointDirectory = folder.Path, Optimizer = new AdamOptimizer() };
        Fit(options, data);
        var path = folder.File("last.safetensors");
        var (tensors, metadata) = SafetensorsFile.Read(path);
        const string Key = "optimizer.linear.bias";
        var bytes = tensors[Key].data<byte>().ToArray();
        if (how is 0 or 3) tensors.Remove(Key);
        if (how == 1) tensors[Key] = tensor(bytes[..^3]);
        if (how == 2) tensors[Key] = tensor([.. bytes, (byte)0]);
        if (how == 3) tensors["optimizer.linear.bios"] = tensor(bytes);
        SafetensorsFile.Write(path, tensors, metadata);
        foreach (var value in tensors.Values) value.Dispose();
        using var student = TrainingWorld.Network();
        var before = TrainingWorld.State(student);
        using var trainer = new DistillationTrainer(student, null, new StandardTrainingLoss(), options with { Epochs = 2 });
        trainer.Invoking(t => t.Fit(data)).Should().Throw<WeightFormatException>().WithMessage(says);
        TrainingWorld.SameState(TrainingWorld.State(student), before);

        static void Fit(TrainerOptions options, ImageDataset data)
        {
            using var student = TrainingWorld.Network();
            using var trainer = new DistillationTrainer(student, null, new StandardTrainingLoss(), options);
            trainer.Fit(data);
        }
    }

    public static TheoryData<string, TrainingOptimizer> Invalid => new()
    {
        { "Momentum", new SgdOptimizer { Momentum = 1 } }, { "Momentum", new SgdOptimizer { Momentum = double.NaN } }, { "WeightDecay", new SgdOptimizer { WeightDecay = -1 } },
        { "Momentum", new SgdOptimizer { Nesterov = true, Momentum = 0 } }, { "Beta1", new AdamOptimizer { Beta1 = 1 } }, { "Beta2", new AdamOptimizer { Beta2 = -0.1 } },
        { "Epsilon", new AdamOptimizer { Epsilon = 0 } }, { "WeightDecay", new AdamOptimizer { WeightDecay = double.NaN } }, { "Beta1", new AdamWOptimizer { Beta1 = 1 } },
        { "Beta2", new AdamWOptimizer { Beta2 = 1 } }, { "Epsilon", new AdamWOptimizer { Epsilon = double.PositiveInfinity } }, { "WeightDecay", new AdamWOptimizer { WeightDecay = -1 } },
    };

    [Theory, MemberData(nameof(Invalid))]
    public void Validate_ValueOutOfRange_NamesIt(string name, TrainingOptimizer optimizer) =>
        FluentActions.Invoking(() => new TrainerOptions { Optimizer = optimizer }.Validate()).Should().Throw<ArgumentOutOfRangeException>().WithParameterName(name);

    [Fact]
    public void Custom_WithoutIdentityOrOptimizer_IsRefused()
    {
        FluentActions.Invoking(() => TrainingOptimizer.Custom(" ", new AdamOptimizer().Create)).Should().Throw<ArgumentException>().WithParameterName("identity");
        FluentActions.Invoking(() => TrainingOptimizer.Custom("mine", null!)).Should().Throw<ArgumentNullException>().WithParameterName("create");
        using var data = TrainingWorld.Data();
        FluentActions.Invoking(() => Run(TrainingWorld.Options(1) with { Optimizer = TrainingOptimizer.Custom("none", (_, _) => null!) }, data))
            .Should().Throw<InvalidOperationException>().WithMessage("*none*returned null*");
    }

    private static (TrainingResult Result, Dictionary<string, double[]> State) Run(
        TrainerOptions options, ImageDataset data, IProgress<TrainingProgress>? progress = null, CancellationToken token = default)
    {
        using var student = TrainingWorld.Network();
        using var trainer = new DistillationTrainer(student, null, new AdversarialTrainingLoss(), options);
        var result = trainer.Fit(data, null, progress, token);
        return (result, TrainingWorld.State(student));
    }

    /// <summary>SGD with two groups in an order that is not the student's; the second has a rate of its own.</summary>
    private sealed record Groups : TrainingOptimizer
    {
        public required double Factor { get; init; }

        public override OptimizerHelper Create(IReadOnlyList<Parameter> parameters, double learningRate)
        {
            var half = parameters.Count / 2;
            return optim.SGD(
                [
                    new SGD.ParamGroup { Parameters = parameters.Skip(half), Options = new SGD.Options { LearningRate = learningRate * Factor, momentum = 0.9 } },
                    new SGD.ParamGroup { Parameters = parameters.Take(half), Options = new SGD.Options { LearningRate = learningRate * Factor, momentum = 0.5 } },
                ],
                learningRate);
        }
    }
}

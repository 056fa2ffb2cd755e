using Ardir.Attacks;
using Ardir.Core;
using Ardir.Distillation;
using Microsoft.Extensions.Logging;

namespace Ardir.Tests;

/// <summary>What can be put around any objective, against closed forms.</summary>
public sealed class TrainerWrapperTests
{
    private const double Rate = 0.3;

    [Fact]
    public void WeightPerturbation_OneStepInFloat64_IsTheAuthorsUpdate()
    {
        const double Gamma = 0.05, Decay = 0.02;
        var (w, after) = OneStep(new TrainerOptions { Optimizer = new SgdOptimizer { WeightDecay = Decay }, WeightPerturbation = new() { Gamma = Gamma } }, out var data);
        using var _ = data;
        var g = TrainerMathTests.Gradient(w, data);
        var scale = Gamma * Length(w[..12]) / Length(g[..12]);
        var moved = w.Select((value, i) => i < 12 ? value + scale * g[i] : value).ToArray();
        var there = TrainerMathTests.Gradient(moved, data);
        for (var i = 0; i < w.Length; i++)
        {
            var expected = moved[i] - Rate * (there[i] + Decay * moved[i]) - (i < 12 ? scale * g[i] : 0);
            after[i].Should().BeApproximately(expected, 1e-13);
        }
    }

    [Fact]
    public void WeightPerturbation_DuringItsWarmUp_IsNotThere()
    {
        var (_, with) = OneStep(new TrainerOptions { WeightPerturbation = new() { WarmupEpochs = 1 } }, out var data);
        data.Dispose();
        var (_, without) = OneStep(new TrainerOptions(), out data);
        data.Dispose();
        with.Should().Equal(without);
    }

    [Fact]
    public void WeightPerturbation_BatchNorm_SeesTheBatchOnce()
    {
        using var data = TrainingWorld.Data(16);
        using var student = TrainingWorld.Network();
        Fit(student, data, new TrainerOptions { Epochs = 1, BatchSize = 16, WeightPerturbation = new() }, new AdversarialTrainingLoss());
        student.state_dict()["bn.num_batches_tracked"].ToInt64().Should().Be(1);
    }

    [Theory]
    [InlineData(0.05)]
    [InlineData(1e6)]
    public void MaxGradientNorm_OneStep_ScalesTheWholeGradient(double limit)
    {
        var (w, after) = OneStep(new TrainerOptions { MaxGradientNorm = limit, Optimizer = new SgdOptimizer { WeightDecay = 0 } }, out var data);
        using var _ = data;
        var g = TrainerMathTests.Gradient(w, data);
        var factor = Math.Min(1, limit / (Length(g) + 1e-6));
        for (var i = 0; i < w.Length; i++) after[i].Should().BeApproximately(w[i] - Rate * factor * g[i], 1e-13);
    }

    [Theory]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(50)]
    public void AccumulationSteps_ModelWithoutBatchNorm_ChangeNothing(int parts)
    {
        using var data = new ImageDataset(TinyModels.Random([7, 1, 2, 2], 3, ScalarType.Byte, 0, 256), TinyModels.Labels(7, 3));
        var results = new[] { 1, parts }.Select(steps =>
        {
            using var student = TinyModels.Linear(classes: 3, inputs: 4);
            var result = Fit(student, data, new TrainerOptions { Epochs = 2, BatchSize = 7, AccumulationSteps = steps }, new AdversarialTrainingLoss());
            return (Weights: TensorAssert.Values(student.Weight), result.Last.TrainLoss, result.Last.TrainAccuracy);
        }).ToList();
        for (var i = 0; i < results[0].Weights.Length; i++) results[1].Weights[i].Should().BeApproximately(results[0].Weights[i], 1e-13);
        results[1].TrainLoss.Should().BeApproximately(results[0].TrainLoss, 1e-13);
        results[1].TrainAccuracy.Should().Be(results[0].TrainAccuracy);
    }

    [Fact]
    public void ExponentialAverage_OfKnownWeights_IsTheFormula()
    {
        // Decay multiplies the weight by 0.6 in each of four steps, two an epoch; the average begins in the second epoch.
        using var student = new Brightness(1);
        using var data = Brightness.Data(4);
        var options = new TrainerOptions { Epochs = 3, BatchSize = 2, LearningRate = 0.4, Milestones = [], Optimizer = new SgdOptimizer { Momentum = 0, WeightDecay = 1 }, WeightAveraging = new ExponentialMovingAverage { Decay = 0.7, StartEpoch = 1 } };
        using var trainer = new DistillationTrainer(student, null, new StandardTrainingLoss(), options);
        var epochs = trainer.Fit(data, data).Epochs;
        double Weight(int step) => Math.Pow(0.6, step);
        var average = Weight(3);
        for (var step = 4; step <= 6; step++) average = 0.7 * average + 0.3 * Weight(step);
        student.Weight.Should().BeApproximately(Weight(6), 1e-6);
        trainer.RestoreAverage();
        student.Weight.Should().BeApproximately(average, 1e-6);
        epochs.Select(epoch => epoch.AverageCleanAccuracy).Should().Equal(null, 1, 1);
    }

    [Fact]
    public void StochasticAverage_OfKnownWeights_IsTheirMean()
    {
        using var student = new Brightness(1);
        using var data = Brightness.Data(4);
        var options = new TrainerOptions { Epochs = 6, BatchSize = 4, LearningRate = 0.4, Milestones = [], Optimizer = new SgdOptimizer { Momentum = 0, WeightDecay = 1 }, WeightAveraging = new StochasticWeightAveraging { StartEpoch = 1, EveryEpochs = 2 } };
        using var trainer = new DistillationTrainer(student, null, new StandardTrainingLoss(), options);
        trainer.Fit(data);
        trainer.RestoreAverage();
        student.Weight.Should().BeApproximately((Math.Pow(0.6, 2) + Math.Pow(0.6, 4) + Math.Pow(0.6, 6)) / 3, 1e-6);
    }

    [Fact]
    public void StochasticAverage_BatchNorm_HasTheStatisticsOfThePassWithAveragedWeights()
    {
        using var data = TrainingWorld.Data(20);
        using var student = nn.Sequential(("bn", nn.BatchNorm2d(1)), ("flat", nn.Flatten()), ("fc", nn.Linear(64, 3)));
        using var trainer = new DistillationTrainer(student, null, new StandardTrainingLoss(), new TrainerOptions
        {
            Epochs = 2, BatchSize = 8, LearningRate = 0.01, WeightAveraging = new StochasticWeightAveraging { StartEpoch = 0 },
        });
        trainer.Fit(data);
        var own = student.state_dict()["bn.running_mean"].ToDouble();
        trainer.RestoreAverage();
        var pixels = TensorAssert.Values(data.Images).Select(value => value / 255).ToArray();
        // The first layer sees the images themselves, so the statistics are those of the data: batches of 8, 8 and 4 by their sizes.
        student.state_dict()["bn.running_mean"].ToDouble().Should().BeApproximately(pixels.Average(), 1e-6);
        own.Should().NotBeApproximately(pixels.Average(), 1e-4);
        student.modules().OfType<TorchSharp.Modules.BatchNorm2d>().Single().momentum.Should().Be(0.1);
    }

    [Fact]
    public void RestoreAverage_WithoutOne_SaysWhy()
    {
        using var student = new Brightness(1);
        using var data = Brightness.Data(4);
        using var without = new DistillationTrainer(student, null, new StandardTrainingLoss(), new TrainerOptions { Epochs = 1 });
        without.Fit(data);
        without.Invoking(t => t.RestoreAverage()).Should().Throw<InvalidOperationException>().WithMessage("*not set*");
        using var late = new DistillationTrainer(student, null, new StandardTrainingLoss(), new TrainerOptions { Epochs = 1, WeightAveraging = new ExponentialMovingAverage { StartEpoch = 5 } });
        late.Fit(data);
        late.Invoking(t => t.RestoreAverage()).Should().Throw<InvalidOperationException>().WithMessage("*StartEpoch = 5*");
    }

    [SkippableFact]
    public void BFloat16_Run_GivesTheStudentBackInFloat32CloseToTheFullRun()
    {
        using var data = TrainingWorld.Data();
        using var full = TrainingWorld.Network();
        using var low = TrainingWorld.Network();
        var logger = new ListLogger();
        var options = new TrainerOptions { Epochs = 2, BatchSize = 16, Milestones = [], LearningRate = 0.05, Logger = logger };
        var expected = Fit(full, data, options, new AdversarialTrainingLoss());
        logger.Entries.Should().NotContain(entry => entry.Message.Contains("bfloat16"));
        var actual = Fit(low, data, options with { Precision = TrainingPrecision.BFloat16 }, new AdversarialTrainingLoss());
        if (ConvolutionCheck.Find(low, ScalarType.BFloat16) is { } problem)
        {
            logger.Entries.Should().ContainSingle(entry => entry.Level == LogLevel.Warning && entry.Message.Contains("in BFloat16 is off by"));
            throw new SkipTestException(problem);
        }
        logger.Entries.Should().NotContain(entry => entry.Message.Contains("bfloat16"));
        low.state_dict().Values.Should().OnlyContain(value => value.dtype == ScalarType.Float32 || value.dtype == ScalarType.Int64);
        actual.Last.TrainLoss.Should().BeApproximately(expected.Last.TrainLoss, 0.02);
        foreach (var ((name, value), (_, other)) in low.state_dict().Zip(full.state_dict()).Where(pair => pair.First.Value.is_floating_point()))
            (value - other).abs().max().ToDouble().Should().BeLessThan(0.02, name);
        // Float32 masters: the weights are no bfloat16 numbers.
        var weight = low.state_dict()["conv1.weight"];
        weight.to(ScalarType.BFloat16).to(ScalarType.Float32).ne(weight).any().ToBoolean().Should().BeTrue();
    }

    [Fact]
    public void BFloat16_Evaluation_SeesTheImagesInFloat32()
    {
        using var data = TrainingWorld.Data();
        using var student = TrainingWorld.Network();
        var seen = new HashSet<ScalarType>();
        // Any k/255 but 0 and 1 is another number in bfloat16.
        var exact = true;
        var attack = new ForeignAttack(ThreatModel.Linf(0.1), (_, images, _) =>
        {
            seen.Add(images.dtype);
            using var scope = NewDisposeScope();
            var bytes = images * 255;
            exact &= bytes.allclose(bytes.round(), atol: 1e-4);
            return images.clone().MoveToOuterDisposeScope();
        });
        Fit(student, data, new TrainerOptions { Epochs = 1, BatchSize = 16, Milestones = [], SelectionAttack = attack, Precision = TrainingPrecision.BFloat16 }, new StandardTrainingLoss(), validation: data);
        seen.Should().Equal(ScalarType.Float32);
        exact.Should().BeTrue();
    }

    [Fact]
    public void BFloat16_ManyTinySteps_AreNotLostToRounding()
    {
        // 40 steps of 1 - 1e-4: each is far below half a unit of eight bits.
        using var student = new Brightness(1);
        using var data = Brightness.Data(4);
        Fit(student, data, new TrainerOptions { Epochs = 40, BatchSize = 4, LearningRate = 1e-4, Milestones = [], Optimizer = new SgdOptimizer { Momentum = 0, WeightDecay = 1 }, Precision = TrainingPrecision.BFloat16 }, new StandardTrainingLoss(), rate: 1e-4);
        student.Weight.Should().BeApproximately(Math.Pow(1 - 1e-4, 40), 1e-6);
    }

    public static TheoryData<string, Func<TrainerOptions, TrainerOptions>> Wrappers => new()
    {
        { "AWP", o => o with { WeightPerturbation = new() } },
        { "EMA", o => o with { WeightAveraging = new ExponentialMovingAverage { Decay = 0.9 } } },
        { "SWA", o => o with { WeightAveraging = new StochasticWeightAveraging { StartEpoch = 1 } } },
        { "clipping", o => o with { MaxGradientNorm = 0.1 } },
        { "accumulation", o => o with { AccumulationSteps = 3 } },
        { "cosine", o => o with { Schedule = new CosineSchedule() } },
        { "bfloat16", o => o with { Precision = TrainingPrecision.BFloat16 } },
        { "skipping", o => o with { NonFiniteLoss = NonFiniteLoss.Skip } },
        { "all", o => o with { WeightPerturbation = new(), WeightAveraging = new StochasticWeightAveraging { StartEpoch = 0 }, MaxGradientNorm = 0.5, AccumulationSteps = 2, Schedule = new OneCycleSchedule(), Precision = TrainingPrecision.BFloat16, NonFiniteLoss = NonFiniteLoss.Skip } },
    };

    [Theory, MemberData(nameof(Wrappers))]
    public void Fit_WithWrapper_ResumesBitEqualAndLeaksNothing(string name, Func<TrainerOptions, TrainerOptions> wrap)
    {
        using var data = TrainingWorld.Data();
        using var teacher = TrainingWorld.Network(8);
        using var folder = new TemporaryFolder();
        var options = wrap(TrainingWorld.Options(3) with { SelectionAttack = TrainingWorld.Pgd() });
        (TrainingResult Result, Dictionary<string, double[]> Last, Dictionary<string, double[]>? Average) Run(TrainerOptions run, IProgress<TrainingProgress>? progress = null, CancellationToken token = default)
        {
            using var student = TrainingWorld.Student();
            using var trainer = new DistillationTrainer(student, teacher, TrainingWorld.Ardir(), run);
            var result = trainer.Fit(data, data, progress, token);
            var last = TrainingWorld.State(student);
            if (options.WeightAveraging is null) return (result, last, null);
            trainer.RestoreAverage();
            return (result, last, TrainingWorld.State(student));
        }
        var whole = Run(options);
        using (var source = new CancellationTokenSource())
        {
            var stop = new ListProgress<TrainingProgress>(report =>
            {
                if (report is { Phase: TrainingPhase.Train, Epoch: 1, Step: 3 }) source.Cancel();
            });
            FluentActions.Invoking(() => Run(options with { CheckpointDirectory = folder.Path, CheckpointInterval = TimeSpan.FromTicks(1) }, stop, source.Token)).Should().Throw<OperationCanceledException>();
        }
        var resumed = Run(options with { CheckpointDirectory = folder.Path });
        TrainingWorld.SameMetrics(resumed.Result.Epochs, whole.Result.Epochs);
        TrainingWorld.SameState(resumed.Last, whole.Last);
        if (whole.Average is not null) TrainingWorld.SameState(resumed.Average!, whole.Average);
        using var other = TrainingWorld.Student();
        LeakAssert.None(() =>
        {
            using var trainer = new DistillationTrainer(other, teacher, TrainingWorld.Ardir(), options);
            trainer.Fit(data, data);
            if (options.WeightAveraging is not null) trainer.RestoreAverage();
        }, runs: 2);
        name.Should().NotBeEmpty();
    }

    private static (double[] Before, double[] After) OneStep(TrainerOptions options, out ImageDataset data)
    {
        using var student = TinyModels.Linear(classes: 3, inputs: 4);
        data = new ImageDataset(TinyModels.Random([5, 1, 2, 2], 3, ScalarType.Byte, 0, 256), TinyModels.Labels(5, 3));
        double[] Weights() => [.. TensorAssert.Values(student.Weight), .. TensorAssert.Values(student.Bias)];
        var before = Weights();
        Fit(student, data, options with { Epochs = 1, BatchSize = 5 }, new StandardTrainingLoss());
        return (before, Weights());
    }

    private static TrainingResult Fit(nn.Module<Tensor, Tensor> student, ImageDataset data, TrainerOptions options, IDistillationLoss loss, double? rate = null, ImageDataset? validation = null)
    {
        using var trainer = new DistillationTrainer(student, null, loss, options with { LearningRate = rate ?? (options.LearningRate == 0.1 ? Rate : options.LearningRate), Crafting = new OwnCrafting(TrainingWorld.Pgd()) });
        return trainer.Fit(data, validation);
    }

    private static double Length(double[] values) => Math.Sqrt(values.Sum(value => value * value));
}

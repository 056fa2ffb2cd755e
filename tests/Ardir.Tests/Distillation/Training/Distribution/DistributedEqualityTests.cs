using Ardir.Core;
using Ardir.Distillation;

namespace Ardir.Tests;

/// <summary>Two and three ranks compute what one process computes, to 1e-9 in float64 over two epochs of two steps: weights, momentum by its effect, statistics and metrics.</summary>
public sealed class DistributedEqualityTests
{
    [Theory, MemberData(nameof(TrainerObjectiveTests.Losses), MemberType = typeof(TrainerObjectiveTests))]
    public void Fit_EveryObjective_EqualsOneProcess(string loss)
    {
        var given = new DistributedWorld.Given { Loss = loss };
        var expected = DistributedWorld.Alone(given);
        foreach (var size in new[] { 2, 3 }) DistributedWorld.Same(DistributedWorld.Train(size, given), expected, $"{loss}, {size} ranks");
    }

    /// <summary>Losses that are not means over the samples as they stand, and other forms.</summary>
    public static TheoryData<string, Func<IDistillationLoss>> OtherForms => new()
    {
        { "TRADES sum", () => new TradesLoss(new() { KlReduction = KlReduction.Sum }) },
        { "RSLAD sum", () => new RsladLoss(new() { KlReduction = KlReduction.Sum }) },
        { "RSLAD elements", () => new RsladLoss(new() { KlReduction = KlReduction.ElementMean }) },
        { "KL sum", () => new KlDivergenceLoss(new() { Reduction = KlReduction.Sum, LabelReplacement = LabelReplacement.Probabilities }) },
        { "ARD sum", () => new ArdLoss(new() { Alpha = 0.5, Kl = new() { Reduction = KlReduction.Sum, Temperature = 2 } }) },
        { "ARDIR sum", () => new ArdirLoss(new() { Kl = new() { Reduction = KlReduction.Sum }, CrossEntropyWeight = 0.5, MaskFeaturesOfWrongTeacher = true }) },
        { "ARDIR of a robust teacher", () => new ArdirLoss(new() { TeacherData = TeacherData.RobustAdversarial, Features = new() { Form = FeatureDistanceForm.SumOfLayerNorms } }) },
        { "ARDIR of clean features", () => new ArdirLoss(new() { FeatureInput = FeatureInput.Clean, Kl = new() { HardLabelTemperature = 3 } }) },
        { "LPIPS", () => new LpipsInternalLoss(new() { Form = FeatureDistanceForm.Squared, Normalization = FeatureNormalization.SpatialL2 }) },
        { "Sum of sums", () => new WeightedSumLoss((1, new TradesLoss(new() { KlReduction = KlReduction.Sum })), (0.5, new ArdLoss(new() { Alpha = 0.5, Kl = new() { Reduction = KlReduction.Sum } }))) },
    };

    [Theory, MemberData(nameof(OtherForms))]
    public void Fit_OtherFormsOfObjectives_EqualOneProcess(string name, Func<IDistillationLoss> loss)
    {
        var given = new DistributedWorld.Given { OwnLoss = (_, _) => loss(), Options = DistributedWorld.Options with { LearningRate = 0.005 } };
        DistributedWorld.Same(DistributedWorld.Train(3, given), DistributedWorld.Alone(given), name);
    }

    public static TheoryData<string, Func<TrainerOptions, TrainerOptions>> Wrappers => new()
    {
        { "perturbed weights, clipped", o => o with { WeightPerturbation = new(), MaxGradientNorm = 0.05 } },
        { "Adam, smoothed labels", o => o with { Optimizer = new AdamOptimizer(), LearningRate = 0.002, LabelSmoothing = 0.1 } },
        { "moving average", o => o with { WeightAveraging = new ExponentialMovingAverage { Decay = 0.5 } } },
        { "mean of epochs", o => o with { WeightAveraging = new StochasticWeightAveraging { StartEpoch = 0 } } },
        { "kept outputs of the teacher", o => o with { OutputCacheBytes = 1 << 20 } },
        { "memory given back", o => o with { GiveBackMemory = true } },
        { "skipping", o => o with { NonFiniteLoss = NonFiniteLoss.Skip } },
        { "augmented", o => o with { Augmentation = new() { Padding = 1 } } },
        { "crafting in train mode", o => o with { Crafting = new OwnCrafting(TrainingWorld.Pgd()) { TrainMode = true } } },
        { "accumulated gradients", o => o with { AccumulationSteps = 2 } },
        { "selection", o => o with { SelectionAttack = TrainingWorld.Pgd(), EvaluationBatchSize = 4 } },
    };

    [Theory, MemberData(nameof(Wrappers))]
    public void Fit_EveryWrapper_EqualsOneProcess(string name, Func<TrainerOptions, TrainerOptions> change)
    {
        double[]? average = null;
        var given = new DistributedWorld.Given { Loss = "Sum", Options = change(DistributedWorld.Options), Validates = true };
        if (given.Options.WeightAveraging is not null) given = given with { Afterwards = CompareAverage };
        var expected = DistributedWorld.Alone(given);
        DistributedWorld.Same(DistributedWorld.Train(3, given), expected, name);

        void CompareAverage(DistillationTrainer trainer, nn.Module<Tensor, Tensor> student)
        {
            trainer.RestoreAverage();
            var state = TrainingWorld.State(student).Values.SelectMany(values => values).ToArray();
            average ??= state;
            state.Zip(average).Max(pair => Math.Abs(pair.First - pair.Second)).Should().BeLessThan(DistributedWorld.Tolerance, name);
        }
    }

    [Theory]
    [InlineData(2)]
    [InlineData(3)]
    public void Fit_Accumulation_EqualsOneProcessWithoutBatchNorm(int size)
    {
        foreach (var loss in new[] { "ARDIR", "TRADES" })
        {
            var given = new DistributedWorld.Given { Loss = loss, FreezesBatchNorm = true, Options = DistributedWorld.Options with { AccumulationSteps = 2 } };
            var expected = DistributedWorld.Alone(given with { Options = DistributedWorld.Options });
            DistributedWorld.Same(DistributedWorld.Train(size, given), expected, $"{loss}, {size} ranks");
        }
    }

    [Theory]
    [InlineData(DistributedBatchNorm.Local)]
    [InlineData(DistributedBatchNorm.Synchronized)]
    public void Fit_LastBatchOfFewerImagesThanRanks_EqualsOneProcessWithFrozenBatchNorm(DistributedBatchNorm mode)
    {
        // A batch of thirteen images and one of two, for three ranks.
        var options = DistributedWorld.Options with { BatchSize = 13, BatchNorm = mode, WeightPerturbation = new(), NonFiniteLoss = NonFiniteLoss.Skip };
        var given = new DistributedWorld.Given { Loss = "LPIPS adapted", FreezesBatchNorm = true, Options = options };
        DistributedWorld.Same(DistributedWorld.Train(3, given), DistributedWorld.Alone(given), $"{mode}");
    }

    [Fact]
    public void Accumulation_OfASum_AddsUpToTheWholeBatch()
    {
        var given = new DistributedWorld.Given
        {
            OwnLoss = (_, _) => new TradesLoss(new() { KlReduction = KlReduction.Sum }), FreezesBatchNorm = true, Options = DistributedWorld.Options with { LearningRate = 0.005 },
        };
        var expected = DistributedWorld.Alone(given);
        DistributedWorld.Same([DistributedWorld.Alone(given with { Options = given.Options with { AccumulationSteps = 3 } })], expected, "three parts");
    }

    [Fact]
    public void Fit_BFloat16_TrainsTheSameWeightsAtEveryRank()
    {
        var given = new DistributedWorld.Given { DType = ScalarType.Float32, Options = DistributedWorld.Options with { Precision = TrainingPrecision.BFloat16 } };
        var ranks = DistributedWorld.Train(2, given);
        TrainingWorld.SameState(ranks[1].Student, ranks[0].Student);
        var alone = DistributedWorld.Alone(given);
        foreach (var (name, values) in alone.Student)
            values.Zip(ranks[0].Student[name]).Max(pair => Math.Abs(pair.First - pair.Second)).Should().BeLessThan(0.02, name);
    }
}

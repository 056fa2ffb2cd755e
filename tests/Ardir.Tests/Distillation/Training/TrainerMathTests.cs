using Ardir.Core;
using Ardir.Distillation;

namespace Ardir.Tests;

/// <summary>What a step does to the weights, against the formulas.</summary>
public sealed class TrainerMathTests
{
    [Fact]
    public void Fit_TwoStepsInFloat64_AreSgdWithMomentumAndDecay()
    {
        const double Rate = 0.3, Momentum = 0.8, Decay = 0.02;
        using var student = TinyModels.Linear(classes: 3, inputs: 4);
        student.to(ScalarType.Float64);
        using var data = new ImageDataset(TinyModels.Random([5, 1, 2, 2], 3, ScalarType.Byte, 0, 256), TinyModels.Labels(5, 3));
        var weights = TensorAssert.Values(student.Weight).Concat(TensorAssert.Values(student.Bias)).ToArray();
        var velocity = new double[weights.Length];
        for (var step = 0; step < 2; step++)
        {
            var gradient = Gradient(weights, data);
            for (var i = 0; i < weights.Length; i++)
            {
                var g = gradient[i] + Decay * weights[i];
                velocity[i] = step == 0 ? g : Momentum * velocity[i] + g;
                weights[i] -= Rate * velocity[i];
            }
        }

        using var trainer = new DistillationTrainer(student, null, new StandardTrainingLoss(), new() { Epochs = 2, BatchSize = 5, LearningRate = Rate, Optimizer = new SgdOptimizer { Momentum = Momentum, WeightDecay = Decay } });
        trainer.Fit(data);

        TensorAssert.Close(student.Weight, [.. weights[..12]], 1e-12);
        TensorAssert.Close(student.Bias, [.. weights[12..]], 1e-12);
    }

    [Fact]
    public void Fit_Float64Student_CanBeValidated()
    {
        using var student = TinyModels.Linear(classes: 3, inputs: 4);
        using var data = new ImageDataset(TinyModels.Random([6, 1, 2, 2], 3, ScalarType.Byte, 0, 256), TinyModels.Labels(6, 3));
        using var trainer = new DistillationTrainer(student, null, new AdversarialTrainingLoss(), TrainingWorld.Options(1) with { SelectionAttack = TrainingWorld.Pgd() });
        var result = trainer.Fit(data, data);
        (result.Best.RobustAccuracy <= result.Best.CleanAccuracy).Should().BeTrue();
    }

    [Fact]
    public void Fit_UnevenBatches_WeighsMetricsBySamples()
    {
        // The learning rate is so small that nothing moves: the epoch's means are those of one pass over the data.
        using var student = TinyModels.Linear(classes: 3, inputs: 4);
        using var data = new ImageDataset(TinyModels.Random([7, 1, 2, 2], 3, ScalarType.Byte, 0, 256), TinyModels.Labels(7, 3));
        using var pixels = data.Images.to(ScalarType.Float64);
        using var images = pixels / 255;
        using var logits = student.call(images);
        var rows = LossReference.Rows(logits);
        using var trainer = new DistillationTrainer(student, null, new StandardTrainingLoss(), new() { Epochs = 1, BatchSize = 3, LearningRate = 1e-13 });
        var epoch = trainer.Fit(data).Last;
        epoch.TrainLoss.Should().BeApproximately(LossReference.CrossEntropy(logits, data.Labels), 1e-9);
        epoch.Terms["ce"].Should().BeApproximately(epoch.TrainLoss, 1e-12);
        epoch.TrainAccuracy.Should().BeApproximately(rows.Where((row, i) => LossReference.TopClass(row) == i % 3).Count() / 7.0, 1e-12);
        (epoch.CleanAccuracy, epoch.RobustAccuracy).Should().Be((null, null));
    }

    [Theory]
    [InlineData(0, 0, 0.01)]
    [InlineData(0, 3, 0.04)]
    [InlineData(1, 0, 0.05)]
    [InlineData(1, 3, 0.08)]
    [InlineData(2, 0, 0.08)]
    [InlineData(3, 3, 0.08)]
    [InlineData(4, 0, 0.04)]
    [InlineData(5, 3, 0.04)]
    [InlineData(6, 0, 0.02)]
    [InlineData(60, 0, 0.02)]
    public void LearningRate_WarmUpAndMilestones_FollowTheSchedule(int epoch, int step, double expected)
    {
        var options = new TrainerOptions { LearningRate = 0.08, LearningRateDecay = 0.5, Milestones = [4, 6], WarmupEpochs = 2 };
        LearningRate.At(options, new TrainingMoment(epoch, options.Epochs, step, 4)).Should().BeApproximately(expected, 1e-15);
    }

    [Theory]
    [InlineData(0, 0.1)]
    [InlineData(99, 0.1)]
    [InlineData(100, 0.01)]
    [InlineData(149, 0.01)]
    [InlineData(150, 0.001)]
    [InlineData(199, 0.001)]
    public void LearningRate_Defaults_DividesByTenAtTheMilestones(int epoch, double expected) =>
        LearningRate.At(new TrainerOptions(), new TrainingMoment(epoch, 200, 3, 391)).Should().BeApproximately(expected, 1e-15);

    [Fact]
    public void LearningRate_MilestoneDuringWarmUp_AppliesToTheRamp() =>
        LearningRate.At(new TrainerOptions { LearningRate = 1, Milestones = [1], WarmupEpochs = 4 }, new TrainingMoment(1, 200, 1, 2)).Should().BeApproximately(0.1 * 4 / 8, 1e-15);

    [Fact]
    public void Fit_Schedule_MovesTheWeightsAndIsReported()
    {
        // A gradient of zero and decay 1 without momentum: each step multiplies the weight by 1 - rate.
        using var student = new Brightness(1);
        using var data = Brightness.Data(4);
        var options = new TrainerOptions { Epochs = 4, BatchSize = 2, LearningRate = 0.4, LearningRateDecay = 0.5, Milestones = [2, 3], WarmupEpochs = 1, Optimizer = new SgdOptimizer { Momentum = 0, WeightDecay = 1 } };
        using var trainer = new DistillationTrainer(student, null, new StandardTrainingLoss(), options);
        var result = trainer.Fit(data);
        result.Epochs.Select(epoch => epoch.LearningRate).Should().Equal(0.4, 0.4, 0.2, 0.1);
        var expected = 0.8 * 0.6 * (0.6 * 0.6) * (0.8 * 0.8) * (0.9 * 0.9);
        student.Weight.Should().BeApproximately(expected, 1e-6);
    }

    /// <summary>Of the mean cross-entropy of a linear model with 3 classes and 4 inputs, weights before biases.</summary>
    internal static double[] Gradient(double[] weights, ImageDataset data)
    {
        var (labels, gradient) = (TensorAssert.Longs(data.Labels), new double[weights.Length]);
        var images = TensorAssert.Values(data.Images).Select(pixel => pixel / 255).Chunk(4).ToArray();
        for (var i = 0; i < images.Length; i++)
        {
            var logits = Enumerable.Range(0, 3).Select(k => weights[12 + k] + Enumerable.Range(0, 4).Sum(d => weights[k * 4 + d] * images[i][d])).ToArray();
            var p = LossReference.Softmax(logits);
            for (var k = 0; k < 3; k++)
            {
                var residual = (p[k] - (k == labels[i] ? 1 : 0)) / images.Length;
                for (var d = 0; d < 4; d++) gradient[k * 4 + d] += residual * images[i][d];
                gradient[12 + k] += residual;
            }
        }
        return gradient;
    }
}

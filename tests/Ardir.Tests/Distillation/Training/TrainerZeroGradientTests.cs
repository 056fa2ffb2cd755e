using Ardir.Attacks;
using Ardir.Core;
using Ardir.Distillation;
using Microsoft.Extensions.Logging;

namespace Ardir.Tests;

/// <summary>A trainer whose attack cannot move says so at its logging points and after each evaluation, and nothing else.</summary>
public sealed class TrainerZeroGradientTests
{
    [Fact]
    public void Fit_StudentWithLogitsTooLarge_CountsImagesAtTheLoggingPoints()
    {
        using var inner = TrainingWorld.Network();
        var logger = Train(inner, loudness: 1e7);
        // A rate this small changes nothing, so what a step cannot move it never could: 4 steps, of which the first tells at once and the last for the rest.
        var training = logger.Entries.Where(entry => entry.Message.Contains("since the last logging point")).Select(entry => Count(entry.Message)).ToList();
        var atOnce = logger.Entries.Where(entry => entry.Message.StartsWith("PGD-2: for ", StringComparison.Ordinal)).Select(entry => Count(entry.Message)).ToList();
        training.Should().HaveCount(1);
        atOnce.Should().HaveCount(1);
        training[0].Should().BeInRange(1, TrainingWorld.TrainCount - TrainingWorld.BatchSize);
        atOnce[0].Should().BeInRange(1, TrainingWorld.BatchSize);
        logger.Entries.Should().ContainSingle(entry => entry.Message.StartsWith("ZeroGradient: ", StringComparison.Ordinal), "the evaluation after the epoch").Which.Level.Should().Be(LogLevel.Warning);
        logger.Entries.Count(entry => entry.Level == LogLevel.Warning && entry.Message.Contains("exactly zero")).Should().Be(3);
    }

    [Fact]
    public void Fit_UsualStudent_SaysNothingOfTheKind()
    {
        using var inner = TrainingWorld.Network();
        Train(inner, loudness: 1).Entries.Should().NotContain(entry => entry.Message.Contains("exactly zero"));
    }

    private static ListLogger Train(nn.Module<Tensor, Tensor> inner, double loudness)
    {
        using var student = new FuncModel(x => inner.call(x) * loudness, inner);
        using var data = TrainingWorld.Data();
        var logger = new ListLogger();
        using var trainer = new DistillationTrainer(student, null, new AdversarialTrainingLoss(), TrainingWorld.Options(1) with
        {
            LearningRate = 1e-30, Logger = logger, SelectionAttack = TrainingWorld.Pgd(),
        });
        trainer.Fit(data, data);
        return logger;
    }

    private static int Count(string message) => int.Parse(message.Split("or ", 2)[1].Split(' ')[0]);
}

using Ardir.Core;
using Ardir.Distillation;

namespace Ardir.Tests;

/// <summary>A teacher that attack and loss both need on the clean images runs once.</summary>
public sealed class KnownOutputTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public void Fit_Rslad_RunsTheTeacherOncePerImage(int accumulation)
    {
        using var data = TrainingWorld.Data(16);
        using var student = TrainingWorld.Network();
        using var network = TrainingWorld.Network(8);
        var teacher = new CountingModel(network);
        using var trainer = new DistillationTrainer(student, teacher, new RsladLoss(), new TrainerOptions
        {
            Epochs = 2, BatchSize = 16, Milestones = [], Crafting = new PrescribedCrafting(ThreatModel.Linf(0.05)), AccumulationSteps = accumulation,
        });
        trainer.Fit(data);
        teacher.SampleForwards.Should().Be(2 * 16);
    }
}

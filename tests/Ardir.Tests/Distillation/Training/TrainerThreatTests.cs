using Ardir.Attacks;
using Ardir.Core;
using Ardir.Distillation;

namespace Ardir.Tests;

/// <summary>Training within a threat model of one's own.</summary>
public sealed class TrainerThreatTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Fit_MaskThreat_CraftsWithinItAndRefusesToResumeWithAnotherMask()
    {
        using var scope = NewDisposeScope();
        using var data = TrainingWorld.Data();
        var columns = arange(8).expand(1, 8, 8);
        TrainingResult Train(Tensor mask, int epochs)
        {
            var threat = new MaskThreat(mask, TrainingWorld.Epsilon);
            using var student = TrainingWorld.Network();
            var options = TrainingWorld.Options(epochs) with
            {
                Crafting = new PrescribedCrafting(threat) { Steps = 2 }, CheckpointDirectory = _folder.Path,
                SelectionAttack = new PgdAttack(threat, new PgdOptions { Steps = 2 }),
            };
            using var trainer = new DistillationTrainer(student, null, new TradesLoss(), options);
            return trainer.Fit(data, data);
        }
        var first = Train(columns < 2, epochs: 1);
        first.Last.TrainLoss.Should().BePositive();
        first.Last.RobustAccuracy.Should().NotBeNull();
        var act = () => Train(columns > 5, epochs: 1);
        act.Should().Throw<InvalidOperationException>().WithMessage("*crafting: was '*Mask(*', is '*Mask(*");
        Train(columns < 2, epochs: 1).Last.TrainLoss.Should().Be(first.Last.TrainLoss, "the same run is resumed");
    }
}

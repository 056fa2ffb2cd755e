using Ardir.Attacks;
using Ardir.Distillation;

namespace Ardir.Tests;

/// <summary>A run is recognised by what its parts state about themselves; one that hides its values is refused where the run would be saved.</summary>
public sealed class TrainerHiddenOptionsTests
{
    public static TheoryData<string, TrainerOptions, IDistillationLoss> Hidden
    {
        get
        {
            var options = TrainingWorld.Options(1);
            return new()
            {
                { "Slope", options with { Schedule = new Slope(0.1) }, new AdversarialTrainingLoss() },
                { "Weighted", options with { Crafting = new OwnCrafting(new PgdAttack(TrainingWorld.Pgd().Threat, new PgdOptions { Steps = 1, Loss = new Weighted(2) })) }, new AdversarialTrainingLoss() },
                { "Doubled", options, new WeightedSumLoss((1, new AdversarialTrainingLoss()), (1, new Doubled(1))) },
            };
        }
    }

    [Theory, MemberData(nameof(Hidden))]
    public void Constructor_WithCheckpoints_RefusesWhatHidesItsValues(string name, TrainerOptions options, IDistillationLoss loss)
    {
        using var folder = new TemporaryFolder();
        using var student = TrainingWorld.Network();
        FluentActions.Invoking(() => new DistillationTrainer(student, null, loss, options with { CheckpointDirectory = folder.Path }))
            .Should().Throw<InvalidOperationException>().WithMessage($"*{name}*holds values*IStatesIdentity*CheckpointDirectory null*");
        using var data = TrainingWorld.Data();
        using var trainer = new DistillationTrainer(student, null, loss, options);
        trainer.Fit(data).Epochs.Should().ContainSingle("a run that is not saved need not be recognised");
    }

    [Fact]
    public void Constructor_WithWhatArdirHas_RefusesNothing()
    {
        using var folder = new TemporaryFolder();
        using var student = TrainingWorld.Network();
        var options = TrainingWorld.Options(1) with
        {
            Schedule = new CosineSchedule(), WeightAveraging = new ExponentialMovingAverage(), WeightPerturbation = new(), CheckpointDirectory = folder.Path,
            Crafting = new OwnCrafting(new WorstCaseAttack("chain", TrainingWorld.Pgd(1), new FgsmAttack(TrainingWorld.Pgd().Threat))),
            Optimizer = TrainingOptimizer.Custom("RMSProp", (parameters, rate) => optim.RMSProp(parameters, rate)),
        };
        using (new DistillationTrainer(student, null, new WeightedSumLoss((1, new TradesLoss()), (1, new MartLoss())), options))
        {
        }
        using (new DistillationTrainer(student, null, new AdversarialTrainingLoss(), options with { Schedule = new Told(0.5) }))
        {
        }
    }

    private sealed class Slope(double factor) : ILearningRateSchedule
    {
        public double Factor(TrainingMoment moment) => factor;
    }

    private sealed record Told(double Value) : ILearningRateSchedule
    {
        public double Factor(TrainingMoment moment) => Value;
    }

    private sealed class Weighted(double weight) : IAttackLoss
    {
        public string Name => "weighted";

        public Tensor Compute(AttackLossInputs inputs) => AttackLoss.CrossEntropy.Compute(inputs) * weight;
    }

    private sealed class Doubled(double weight) : IDistillationLoss
    {
        public string Name => "doubled";

        public DistillationNeeds Needs { get; } = new() { Passes = [NetworkPass.StudentClean] };

        public LossTerms Compute(DistillationInputs inputs) => new(inputs.StudentClean!.Output.square().mean() * weight);
    }
}

using Ardir.Attacks;
using Ardir.Distillation;
using Microsoft.Extensions.Logging;

namespace Ardir.Tests;

/// <summary>A run is recognised by the texts of what takes part in it; what these cannot tell is named when the run begins.</summary>
public sealed class TrainerHiddenOptionsTests
{
    [Fact]
    public void Fit_WithCheckpoints_WarnsOfEachObjectThatHidesItsValues()
    {
        var options = TrainingWorld.Options(1) with { Schedule = new Slope(0.1), Crafting = new OwnCrafting(new PgdAttack(TrainingWorld.Pgd().Threat, new PgdOptions { Steps = 1, Loss = new Weighted(2) })) };
        Warnings(options, new WeightedSumLoss((1, new AdversarialTrainingLoss()), (1, new Doubled(1)))).Should().BeEquivalentTo("Slope", "Weighted", "Doubled");
        Warnings(options, new AdversarialTrainingLoss(), checkpoints: false).Should().BeEmpty("nothing will be resumed");
    }

    [Fact]
    public void Fit_WithWhatArdirHas_WarnsOfNothing()
    {
        var options = TrainingWorld.Options(1) with
        {
            Schedule = new CosineSchedule(), WeightAveraging = new ExponentialMovingAverage(), WeightPerturbation = new(),
            Crafting = new OwnCrafting(new WorstCaseAttack("chain", TrainingWorld.Pgd(1), new FgsmAttack(TrainingWorld.Pgd().Threat))),
        };
        Warnings(options, new WeightedSumLoss((1, new TradesLoss()), (1, new MartLoss()))).Should().BeEmpty();
        Warnings(TrainingWorld.Options(1) with { Schedule = new Told(0.5) }, new AdversarialTrainingLoss()).Should().BeEmpty("a record tells its values");
    }

    private static IEnumerable<string> Warnings(TrainerOptions options, IDistillationLoss loss, bool checkpoints = true)
    {
        using var folder = new TemporaryFolder();
        using var data = TrainingWorld.Data();
        using var student = TrainingWorld.Network();
        var logger = new ListLogger();
        options = options with { CheckpointDirectory = checkpoints ? folder.Path : null, Logger = logger };
        using (var trainer = new DistillationTrainer(student, null, loss, options)) trainer.Fit(data);
        return [.. logger.Entries.Where(entry => entry.Level == LogLevel.Warning && entry.Message.Contains("does not show", StringComparison.Ordinal)).Select(entry => entry.Message.Split(' ')[0].Split('+')[^1])];
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
